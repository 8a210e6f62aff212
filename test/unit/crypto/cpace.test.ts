import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, test } from 'vitest';
import { cpaceKey, cpaceScalar, cpaceShare, generatorString } from '../../../src/crypto/cpace.ts';

const hex = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('hex');

/** draft-irtf-cfrg-cpace, appendix B.3: CPACE-RISTR255-SHA512. */
const DRAFT = {
  inputs: {
    secret: utf8ToBytes('Password'),
    channel: hexToBytes('6f630b425f726573706f6e6465720b415f696e69746961746f72'),
    sessionId: hexToBytes('7e4b4791d6a8ef019b936c79fb7f2c57'),
  },
  generatorString:
    `11435061636552697374726574746f3235350850617373776f726464${'00'.repeat(100)}` +
    '1a6f630b425f726573706f6e6465720b415f696e69746961746f72107e4b4791d6a8ef019b936c79fb7f2c57',
  a: hexToBytes('da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08'),
  shareA: 'd40fb265a7abeaee7939d91a585fe59f7053f982c296ec413c624c669308f87a',
  b: hexToBytes('d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d'),
  shareB: '08bcf6e9777a9c313a3db6daa510f2d398403319c2341bd506a92e672eb7e307',
  key:
    '4c5469a16b2364c4b944ebc1a79e51d1674ad47db26e8718154f59faebfaa52d' +
    '8346f30aa58377117eb20d527f2cbc5c76381f7fd372e89df8239f87f2e02ed1',
};

const sidesOfDraft = {
  sessionId: DRAFT.inputs.sessionId,
  initiator: { share: hexToBytes(DRAFT.shareA), data: utf8ToBytes('ADa') },
  responder: { share: hexToBytes(DRAFT.shareB), data: utf8ToBytes('ADb') },
};

describe('CPace', () => {
  test('gives the vectors of the draft, from the generator to the key of both sides', () => {
    expect(hex(generatorString(DRAFT.inputs))).toBe(DRAFT.generatorString);
    expect(hex(cpaceShare(DRAFT.a, DRAFT.inputs))).toBe(DRAFT.shareA);
    expect(hex(cpaceShare(DRAFT.b, DRAFT.inputs))).toBe(DRAFT.shareB);
    expect(hex(cpaceKey({ ...sidesOfDraft, scalar: DRAFT.a, own: 'initiator' }))).toBe(DRAFT.key);
    expect(hex(cpaceKey({ ...sidesOfDraft, scalar: DRAFT.b, own: 'responder' }))).toBe(DRAFT.key);
  });

  test.each(['00'.repeat(32), 'ff'.repeat(32), `01${'00'.repeat(31)}`, ''])(
    'refuses the share %s',
    (share) => {
      const run = { ...sidesOfDraft, responder: { share: hexToBytes(share), data: utf8ToBytes('ADb') } };
      expect(cpaceKey({ ...run, scalar: DRAFT.a, own: 'initiator' })).toBeNull();
    },
  );

  test.each(['secret', 'channel', 'sessionId'] as const)(
    'with another %s gives both sides other keys',
    (name) => {
      const inputs = DRAFT.inputs;
      const others = { ...inputs, [name]: utf8ToBytes('other') };
      const [a, b] = [cpaceScalar(), cpaceScalar()];
      const key = (of: typeof inputs, scalar: Uint8Array, own: 'initiator' | 'responder') =>
        hex(
          cpaceKey({
            sessionId: of.sessionId,
            initiator: { share: cpaceShare(a, inputs), data: new Uint8Array() },
            responder: { share: cpaceShare(b, others), data: new Uint8Array() },
            scalar,
            own,
          }),
        );
      expect(key(inputs, a, 'initiator')).not.toBe(key(others, b, 'responder'));
    },
  );
});
