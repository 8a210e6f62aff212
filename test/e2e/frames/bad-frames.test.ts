import { afterAll, beforeAll, describe } from 'vitest';
import { type BadFrame, changed, exchange, refusesEach } from '../../support/frames/bad-frame.ts';
import { connectText, envelopeText, frameOf } from '../../support/plain/frames.ts';
import { Processes } from '../../support/servers/processes.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, sections 2 and 3: the members of a frame, each missing, doubled, of another type or form. */
const processes = new Processes();
let relay: RelayNode;

beforeAll(async () => {
  relay = await processes.relay();
});

afterAll(() => processes.stop());

const members: BadFrame[] = [
  { what: 'no members', frame: () => '{}', says: /^data is missing in the frame/ },
  {
    what: 'no data',
    frame: ({ signature }) => `{"signature":"${signature}"}`,
    says: /^data is missing in the frame/,
  },
  {
    what: 'data that is a string',
    frame: ({ data, signature }) => `{"data":${JSON.stringify(data)},"signature":"${signature}"}`,
    says: /^data must be an object/,
  },
  {
    what: 'data that is null',
    frame: ({ signature }) => `{"data":null,"signature":"${signature}"}`,
    says: /^data must be an object/,
  },
  {
    what: 'data twice',
    frame: ({ data, signature }) => `{"data":${data},"data":${data},"signature":"${signature}"}`,
    says: /^a name stands twice/,
  },
  {
    what: 'no signature',
    frame: ({ data }) => `{"data":${data}}`,
    says: /^signature is missing in the frame/,
  },
  {
    what: 'a signature that is null',
    frame: ({ data }) => `{"data":${data},"signature":null}`,
    says: /^signature must be a string/,
  },
  {
    what: 'a signature that is too short',
    frame: ({ data, signature }) => `{"data":${data},"signature":"${signature.slice(1)}"}`,
    says: /^signature must be 128 hex digits/,
  },
  {
    what: 'a signature in base64',
    frame: ({ data, signature }) =>
      `{"data":${data},"signature":"${Buffer.from(signature, 'hex').toString('base64')}"}`,
    says: /^signature must be 128 hex digits/,
  },
  {
    what: 'Data',
    frame: ({ data, signature }) => `{"data":${data},"Data":{},"signature":"${signature}"}`,
    says: /differs .* only by case/,
  },
  {
    what: 'signature with a long s',
    frame: ({ data, signature }) => `{"data":${data},"signature":"${signature}","\u017fignature":""}`,
    says: /differs .* only by case/,
  },
  { what: 'no sender', frame: changed(/"sender":"\w+",/, ''), says: /^sender is missing in data/ },
  {
    what: 'SENDER beside sender',
    frame: changed('{', '{"SENDER":"E011T7D",'),
    says: /differs .* only by case/,
  },
  { what: 'a sender twice', frame: changed('{', '{"s\\u0065nder":"E011T7D",'), says: /^a name stands twice/ },
  {
    what: 'server as sender',
    frame: changed(/"sender":"\w+"/, '"sender":"server"'),
    says: /^sender must be a code/,
  },
  {
    what: 'a sender in lower case',
    frame: changed(/"sender":"\w+"/, '"sender":"e011t7d"'),
    says: /^sender must be a code/,
  },
  {
    what: 'a sender that is a number',
    frame: changed(/"sender":"\w+"/, '"sender":1'),
    says: /^sender must be a string/,
  },
  { what: 'no recipient', frame: changed(/"recipient":"\w+",/, ''), says: /^recipient is missing in data/ },
  {
    what: 'a recipient as people write it',
    frame: changed(/"recipient":"\w+"/, '"recipient":"EOIIT7D"'),
    says: /^recipient must be a code/,
  },
  {
    what: 'server as recipient',
    frame: changed(/"recipient":"\w+"/, '"recipient":"server"'),
    says: /^recipient must be a code/,
  },
  {
    what: 'a recipient with a letter that looks alike',
    frame: changed(/"recipient":"\w+"/, '"recipient":"Е011T7D"'),
    says: /^recipient must be a code/,
  },
  {
    what: 'a recipient that is null',
    frame: changed(/"recipient":"\w+"/, '"recipient":null'),
    says: /^recipient must be a string/,
  },
  {
    what: 'a recipient with a pattern',
    frame: changed(/"recipient":"\w+"/, '"recipient":"{*}:???"'),
    says: /^recipient must be a code/,
  },
  { what: 'an empty id', frame: changed('{', '{"id":"",'), says: /^id must be 1 to 64 characters/ },
  {
    what: 'an id of 65 characters',
    frame: changed('{', `{"id":"${'x'.repeat(65)}",`),
    says: /^id must be 1 to 64 characters/,
  },
  { what: 'an id with a space', frame: changed('{', '{"id":"a b",'), says: /^id must be 1 to 64 characters/ },
  { what: 'an id that is a number', frame: changed('{', '{"id":7,'), says: /^id must be a string/ },
  { what: 'an id that is null', frame: changed('{', '{"id":null,'), says: /^id must be a string/ },
  { what: 'no message', frame: changed(/,"message":.*/, '}'), says: /^message is missing in data/ },
  {
    what: 'a message that is a string',
    frame: changed(/"message":.*/, '"message":"hi"}'),
    says: /^message must be an object/,
  },
  { what: 'no type', frame: changed(/"type":"\w+"/, '"x":1'), says: /^type is missing in message/ },
  { what: 'Type', frame: changed('"type"', '"Type"'), says: /differs .* only by case/ },
  {
    what: 'a type with a capital',
    frame: changed('"type":"message"', '"type":"Message"'),
    says: /^type must be a letter a-z/,
  },
  {
    what: 'a type of 33 characters',
    frame: changed('"type":"message"', `"type":"${'t'.repeat(33)}"`),
    says: /^type must be a letter a-z/,
  },
  {
    what: 'a type that is a number',
    frame: changed('"type":"message"', '"type":1'),
    says: /^type must be a string/,
  },
  ...['connect_ack', 'challenge', 'accepted', 'error', 'drained'].map((type) => ({
    what: `the relay's own type ${type}`,
    frame: changed('"type":"message"', `"type":"${type}"`),
    says: /^only the relay sends connect_ack, challenge, accepted, error, drained/,
  })),
];

const exchanges: BadFrame[] = ['key_exchange', 'key_exchange_ack'].flatMap((type) => [
  { what: `${type} without a payload`, frame: exchange('', type), says: /^payload is missing in message/ },
  {
    what: `${type} with a payload that is a string`,
    frame: exchange(',"payload":"00"', type),
    says: /^the payload of a key exchange must be an object/,
  },
  {
    what: `${type} without a key`,
    frame: exchange(',"payload":{}', type),
    says: /^ecdh_public_key is missing in payload/,
  },
  {
    what: `${type} with a key that is a number`,
    frame: exchange(',"payload":{"ecdh_public_key":1}', type),
    says: /^ecdh_public_key must be a string/,
  },
  {
    what: `${type} with a key that is too short`,
    frame: exchange(`,"payload":{"ecdh_public_key":"${'a'.repeat(63)}"}`, type),
    says: /^ecdh_public_key must be 64 hex digits/,
  },
  {
    what: `${type} with a key of small order`,
    frame: exchange(`,"payload":{"ecdh_public_key":"01${'00'.repeat(31)}"}`, type),
    says: /^ecdh_public_key is of small order/,
  },
  {
    what: `${type} with a key that is not canonical`,
    frame: exchange(`,"payload":{"ecdh_public_key":"${'ff'.repeat(32)}"}`, type),
    says: /^ecdh_public_key is not canonical/,
  },
  {
    what: `${type} with ECDH_public_key`,
    frame: exchange(`,"payload":{"ecdh_public_key":"${'09'.repeat(32)}","ECDH_public_key":""}`, type),
    says: /differs .* only by case/,
  },
]);

const connects: BadFrame[] = [
  {
    what: 'a connect with a payload',
    frame: ({ alice }) =>
      frameOf(
        alice,
        `{"sender":"${alice.code}","message":{"type":"connect","payload":{"nonce":"","audience":null}}}`,
      ),
    says: /^the message of a connect has exactly type/,
  },
  {
    what: 'a connect with a recipient',
    frame: ({ alice, bob }) =>
      frameOf(alice, envelopeText({ sender: alice.code, recipient: bob.code, type: 'connect' })),
    says: /^the data of a connect has exactly sender and message/,
  },
  {
    what: 'a connect with an id',
    frame: ({ alice }) => frameOf(alice, `{"id":"1",${connectText(alice.code).slice(1)}`),
    says: /^the data of a connect has exactly sender and message/,
  },
  {
    what: 'a connect in a frame with more',
    frame: ({ alice }) => frameOf(alice, connectText(alice.code)).replace('{', '{"x":1,'),
    says: /^a connect frame has exactly data and signature/,
  },
  {
    what: 'a second connect',
    frame: ({ alice }) => frameOf(alice, connectText(alice.code)),
    says: /^this socket is connected already$/,
  },
  {
    what: 'an ack, which is for protocol 2',
    frame: () => '{"ack":"1-1"}',
    says: /^data is missing in the frame/,
  },
];

describe('members', () => refusesEach(members, () => relay));
describe('key exchanges', () => refusesEach(exchanges, () => relay));
describe('connects and acks', () => refusesEach(connects, () => relay));
