import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { deriveKeys, safetyNumber } from '../../../src/crypto/kdf.ts';
import { parsePublicKey, verifySignature } from '../../../src/crypto/verify.ts';
import { CLOSES } from '../../../src/protocol/closes.ts';
import { FRAME_ERRORS } from '../../../src/protocol/errors.ts';
import { cutData } from '../../../src/protocol/frames/delivered.ts';
import { decodeFrame } from '../../../src/protocol/frames/frame.ts';
import { proofText } from '../../../src/protocol/registration.ts';

const DOC = readFileSync(fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url)), 'utf8');

/** The code block under `<!-- example: name -->`. */
function example(name: string): string {
  const match = new RegExp(`<!-- example: ${name} -->\n\`\`\`\n(.*)\n\`\`\`\n`).exec(DOC);
  if (match?.[1] === undefined) throw new Error(`docs/protocol.md has no example ${name} of one line`);
  return match[1];
}

/** Rows of the table whose header begins with `first`, cells trimmed of backticks where they are nothing else. */
function table(first: string): string[][] {
  const lines = DOC.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    );
}

/** 32 bytes that count up, so that they can be typed. */
function seed(from: number): Buffer {
  return Buffer.from(Array.from({ length: 32 }, (_, index) => from + index));
}

/** RFC 8410: what stands before the 32 bytes in PKCS #8. */
const PKCS8 = { ed25519: '302e020100300506032b657004220420', x25519: '302e020100300506032b656e04220420' };

function keyPair(kind: keyof typeof PKCS8, privateBytes: Buffer) {
  const der = Buffer.concat([Buffer.from(PKCS8[kind], 'hex'), privateBytes]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return { secret, seed: privateBytes.toString('hex'), hex: spki.subarray(-32).toString('hex') };
}

const alice = { code: 'A11CE01', ed: keyPair('ed25519', seed(0x00)), x: keyPair('x25519', seed(0x40)) };
const bob = { code: 'B0B0B02', ed: keyPair('ed25519', seed(0x20)), x: keyPair('x25519', seed(0x60)) };

const NONCE = '5a'.repeat(32);
const SEQ = '1774972738204489-668425';

function frame(data: string, key: KeyObject): string {
  return `{"data":${data},"signature":"${sign(null, Buffer.from(data), key).toString('hex')}"}`;
}

const requestData = `{"sender":"A11CE01","recipient":"B0B0B02","id":"kx-1","message":{"type":"key_exchange","payload":{"ecdh_public_key":"${alice.x.hex}"}}}`;
const inReplyTo = createHash('sha256').update(requestData).digest('hex');
const ackData = `{"sender":"B0B0B02","recipient":"A11CE01","id":"kx-2","message":{"type":"key_exchange_ack","payload":{"ecdh_public_key":"${bob.x.hex}","in_reply_to":"${inReplyTo}"}}}`;
const unusualData = `{ "message": {"payload":[1.0, 1e2, -0, "\\u00e9é"],"type":"note"},  "recipient":"B0B0B02", "sender":"A11CE01" }`;
const proofBytes = `relay-register:${alice.x.hex}:${alice.ed.hex}`;
const secret = diffieHellman({
  privateKey: alice.x.secret,
  publicKey: createPublicKey(bob.x.secret),
});
const info = Buffer.concat([
  Buffer.from('keyrelay/kx/1\0A11CE01B0B0B02'),
  ...[alice.ed, bob.ed, alice.x, bob.x].map(({ hex }) => Buffer.from(hex, 'hex')),
]);
const okm = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32), info, 64));

/** By node:crypto alone, from the private keys: what any client would compute. */
const EXPECTED: Record<string, string> = {
  proofText: proofBytes,
  proof: sign(null, Buffer.from(proofBytes), alice.ed.secret).toString('hex'),
  connect1: frame('{"sender":"A11CE01","message":{"type":"connect"}}', alice.ed.secret),
  connect2: frame(
    `{"sender":"A11CE01","message":{"type":"connect","payload":{"nonce":"${NONCE}","audience":"wss://relay.example/ws"}}}`,
    alice.ed.secret,
  ),
  keyExchange: frame(requestData, alice.ed.secret),
  keyExchangeDelivered2: frame(requestData, alice.ed.secret).replace(/\}$/, `,"seq":"${SEQ}"}`),
  keyExchangeAck: frame(ackData, bob.ed.secret),
  unusual: frame(unusualData, alice.ed.secret),
  sharedSecret: secret.toString('hex'),
  info: info.toString('hex'),
  initiatorToResponder: okm.subarray(0, 32).toString('hex'),
  responderToInitiator: okm.subarray(32).toString('hex'),
};

describe('the worked example of docs/protocol.md', () => {
  test('lists the keys', () => {
    expect(table('key')).toEqual([
      ['Alice, Ed25519', alice.ed.seed, alice.ed.hex],
      ['Bob, Ed25519', bob.ed.seed, bob.ed.hex],
      ['Alice, X25519', alice.x.seed, alice.x.hex],
      ['Bob, X25519', bob.x.seed, bob.x.hex],
    ]);
  });

  test.each(Object.keys(EXPECTED))('%s is what any client computes', (name) => {
    expect(example(name)).toBe(EXPECTED[name]);
  });

  test('has no example that is not checked', () => {
    const names = [...DOC.matchAll(/<!-- example: (\w+) -->/g)].map((match) => match[1]);
    expect(names.sort()).toEqual([...Object.keys(EXPECTED), 'safetyNumber'].sort());
  });

  test('counts bytes correctly', () => {
    expect(DOC).toContain(
      `the ${Buffer.byteLength('{"sender":"A11CE01","message":{"type":"connect"}}')} from`,
    );
    expect(DOC).toContain(`the ${Buffer.byteLength(requestData)} bytes of`);
    expect(DOC).toContain(`nonce \`${NONCE}\``);
    expect(DOC).toContain(`"ack":"${SEQ}"`);
  });
});

describe('the code agrees with the worked example', () => {
  const frames = [
    ['connect1', 1, alice],
    ['connect2', 2, alice],
    ['keyExchange', 1, alice],
    ['keyExchangeAck', 2, bob],
    ['unusual', 1, alice],
  ] as const;

  test.each(frames)('%s decodes and verifies', (name, protocol, sender) => {
    const bytes = Buffer.from(example(name));
    const decoded = decodeFrame(bytes, protocol);
    if (decoded.kind !== 'connect' && decoded.kind !== 'envelope') throw new Error(JSON.stringify(decoded));
    expect(decoded.sender).toBe(sender.code);
    const data = bytes.subarray(decoded.dataStart, decoded.dataEnd);
    expect(verifySignature(parsePublicKey(sender.ed.hex), data, decoded.signature)).toBe(true);
  });

  test('a delivered frame is cut as section 8 says', () => {
    const cut = cutData(Buffer.from(example('keyExchangeDelivered2')));
    expect(cut?.seq).toBe(SEQ);
    expect(Buffer.from(cut?.data ?? []).toString()).toBe(requestData);
    expect(cut?.signature).toBe(example('keyExchange').slice(-130, -2));
  });

  test('the proof, SYM_KEY and the safety number come out the same', () => {
    expect(proofText(alice.x.hex, alice.ed.hex)).toBe(example('proofText'));
    const party = ({ code, ed, x }: typeof alice) => ({
      code,
      eddsaPublicKey: Buffer.from(ed.hex, 'hex'),
      ecdhPublicKey: Buffer.from(x.hex, 'hex'),
    });
    const keys = deriveKeys({
      secret: Buffer.from(example('sharedSecret'), 'hex'),
      initiator: party(alice),
      responder: party(bob),
    });
    expect(Buffer.from(keys.initiatorToResponder).toString('hex')).toBe(example('initiatorToResponder'));
    expect(Buffer.from(keys.responderToInitiator).toString('hex')).toBe(example('responderToInitiator'));
    expect(safetyNumber(party(bob), party(alice)).join(' ')).toBe(example('safetyNumber'));
  });

  test('the safety number is the one that section 6 defines', () => {
    const digest = createHash('sha512')
      .update(`keyrelay/sn/1A11CE01`)
      .update(Buffer.from(alice.ed.hex, 'hex'))
      .update('B0B0B02')
      .update(Buffer.from(bob.ed.hex, 'hex'))
      .digest();
    const groups = Array.from({ length: 12 }, (_, index) =>
      String(digest.readUIntBE(index * 5, 5) % 100_000).padStart(5, '0'),
    );
    expect(groups.join(' ')).toBe(example('safetyNumber'));
  });
});

describe('the tables of docs/protocol.md are those of the code', () => {
  test('error codes', () => {
    expect(table('code')).toEqual(
      Object.entries(FRAME_ERRORS).map(([code, { means, fault }]) => [
        code,
        means,
        fault === 'client' ? 'yes' : 'no',
      ]),
    );
  });

  test('closes', () => {
    expect(table('close')).toEqual(
      Object.values(CLOSES).map(({ code, means, reconnect }) => [String(code), means, reconnect]),
    );
  });
});
