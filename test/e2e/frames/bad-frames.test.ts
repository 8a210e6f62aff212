import { describe } from 'vitest';
import { type BadFrame, changed, exchange, refusesEach } from '../../support/frames/bad-frame.ts';
import { connectText, envelopeFrame, frameOf, frameText } from '../../support/plain/frames.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, sections 2 and 3: the members of a frame, each missing, doubled, of another type or form. */
const relay = relayForTests();

const withRecipient = (value: string) => changed(/"recipient":"\w+"/, `"recipient":${value}`);

const members: BadFrame[] = [
  ['no members', () => '{}', /^data is missing in the frame/],
  ['no data', ({ signature }) => `{"signature":"${signature}"}`, /^data is missing in the frame/],
  [
    'data that is a string',
    ({ data, signature }) => frameText(JSON.stringify(data), signature),
    /^data must be an object/,
  ],
  ['data that is null', ({ signature }) => frameText('null', signature), /^data must be an object/],
  [
    'data twice',
    ({ data, signature }) => frameText(`${data},"data":${data}`, signature),
    /^a name stands twice/,
  ],
  ['no signature', ({ data }) => `{"data":${data}}`, /^signature is missing in the frame/],
  [
    'a signature that is null',
    ({ data }) => `{"data":${data},"signature":null}`,
    /^signature must be a string/,
  ],
  [
    'a signature that is too short',
    ({ data, signature }) => frameText(data, signature.slice(1)),
    /^signature must be 128 hex digits/,
  ],
  [
    'a signature in base64',
    ({ data, signature }) => frameText(data, Buffer.from(signature, 'hex').toString('base64')),
    /^signature must be 128 hex digits/,
  ],
  ['Data', ({ data, signature }) => frameText(`${data},"Data":{}`, signature), /differs .* only by case/],
  [
    'signature with a long s',
    ({ data, signature }) => frameText(data, `${signature}","\u017fignature":"`),
    /differs .* only by case/,
  ],
  ['no sender', changed(/"sender":"\w+",/, ''), /^sender is missing in data/],
  ['SENDER beside sender', changed('{', '{"SENDER":"E011T7D",'), /differs .* only by case/],
  ['a sender twice', changed('{', '{"s\\u0065nder":"E011T7D",'), /^a name stands twice/],
  ['server as sender', changed(/"sender":"\w+"/, '"sender":"server"'), /^sender must be a code/],
  ['a sender in lower case', changed(/"sender":"\w+"/, '"sender":"e011t7d"'), /^sender must be a code/],
  ['a sender that is a number', changed(/"sender":"\w+"/, '"sender":1'), /^sender must be a string/],
  ['no recipient', changed(/"recipient":"\w+",/, ''), /^recipient is missing in data/],
  ['a recipient as people write it', withRecipient('"EOIIT7D"'), /^recipient must be a code/],
  ['server as recipient', withRecipient('"server"'), /^recipient must be a code/],
  ['a recipient with a letter that looks alike', withRecipient('"Е011T7D"'), /^recipient must be a code/],
  ['a recipient that is null', withRecipient('null'), /^recipient must be a string/],
  ['a recipient with a pattern', withRecipient('"{*}:???"'), /^recipient must be a code/],
  ['an empty id', changed('{', '{"id":"",'), /^id must be 1 to 64 characters/],
  ['an id of 65 characters', changed('{', `{"id":"${'x'.repeat(65)}",`), /^id must be 1 to 64 characters/],
  ['an id with a space', changed('{', '{"id":"a b",'), /^id must be 1 to 64 characters/],
  ['an id that is a number', changed('{', '{"id":7,'), /^id must be a string/],
  ['an id that is null', changed('{', '{"id":null,'), /^id must be a string/],
  ['no message', changed(/,"message":.*/, '}'), /^message is missing in data/],
  ['a message that is a string', changed(/"message":.*/, '"message":"hi"}'), /^message must be an object/],
  ['no type', changed(/"type":"\w+"/, '"x":1'), /^type is missing in message/],
  ['Type', changed('"type"', '"Type"'), /differs .* only by case/],
  ['a type with a capital', changed('"type":"message"', '"type":"Message"'), /^type must be a letter a-z/],
  [
    'a type of 33 characters',
    changed('"type":"message"', `"type":"${'t'.repeat(33)}"`),
    /^type must be a letter a-z/,
  ],
  ['a type that is a number', changed('"type":"message"', '"type":1'), /^type must be a string/],
  ...['connect_ack', 'challenge', 'accepted', 'error', 'drained'].map(
    (type): BadFrame => [
      `the relay's own type ${type}`,
      changed('"type":"message"', `"type":"${type}"`),
      /^only the relay sends connect_ack, challenge, accepted, error, drained/,
    ],
  ),
];

/** A key exchange with this for its key. */
const keyed = (key: string, type: string) => exchange(`,"payload":{"ecdh_public_key":${key}}`, type);

const exchanges: BadFrame[] = ['key_exchange', 'key_exchange_ack'].flatMap((type) => [
  [`${type} without a payload`, exchange('', type), /^payload is missing in message/],
  [
    `${type} with a payload that is a string`,
    exchange(',"payload":"00"', type),
    /^the payload of a key exchange must be an object/,
  ],
  [`${type} without a key`, exchange(',"payload":{}', type), /^ecdh_public_key is missing in payload/],
  [`${type} with a key that is a number`, keyed('1', type), /^ecdh_public_key must be a string/],
  [
    `${type} with a key that is too short`,
    keyed(`"${'a'.repeat(63)}"`, type),
    /^ecdh_public_key must be 64 hex digits/,
  ],
  [
    `${type} with a key of small order`,
    keyed(`"01${'00'.repeat(31)}"`, type),
    /^ecdh_public_key is of small order/,
  ],
  [
    `${type} with a key that is not canonical`,
    keyed(`"${'ff'.repeat(32)}"`, type),
    /^ecdh_public_key is not canonical/,
  ],
  [
    `${type} with ECDH_public_key`,
    keyed(`"${'09'.repeat(32)}","ECDH_public_key":""`, type),
    /differs .* only by case/,
  ],
]);

const connects: BadFrame[] = [
  [
    'a connect with a payload',
    ({ alice }) => frameOf(alice, connectText(alice.code, { nonce: '', audience: null })),
    /^the message of a connect has exactly type/,
  ],
  [
    'a connect with a recipient',
    ({ alice, bob }) => envelopeFrame(alice, { recipient: bob.code, type: 'connect' }),
    /^the data of a connect has exactly sender and message/,
  ],
  [
    'a connect with an id',
    ({ alice }) => frameOf(alice, `{"id":"1",${connectText(alice.code).slice(1)}`),
    /^the data of a connect has exactly sender and message/,
  ],
  [
    'a connect in a frame with more',
    ({ alice }) => frameOf(alice, connectText(alice.code)).replace('{', '{"x":1,'),
    /^a connect frame has exactly data and signature/,
  ],
  [
    'a second connect',
    ({ alice }) => frameOf(alice, connectText(alice.code)),
    /^this socket is connected already$/,
  ],
  ['an ack, which is for protocol 2', () => '{"ack":"1-1"}', /^data is missing in the frame/],
];

describe('members', () => refusesEach(members, () => relay));
describe('key exchanges', () => refusesEach(exchanges, () => relay));
describe('connects and acks', () => refusesEach(connects, () => relay));
