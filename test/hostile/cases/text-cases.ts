import { randomBytes } from 'node:crypto';
import type { FrameErrorCode } from '../../../src/protocol/errors.ts';
import { frameOf, objectText } from '../../support/plain/frames.ts';
import { type PlainUser, signHex } from '../../support/plain/users.ts';

/** The users of a case: Mallory is logged in as herself. */
export interface People {
  readonly mallory: PlainUser;
  readonly bob: PlainUser;
  readonly alice: PlainUser;
}

/** A text frame of Mallory's, logged in by protocol 1. `accepted`: it is right, however odd. */
export interface TextCase {
  readonly name: string;
  readonly frame: (people: People) => string;
  readonly answer: FrameErrorCode | 'accepted';
}

const PAYLOAD = '{"type":"message","payload":{"text":"hi"}}';

/** Signed, so that only what is odd about it can be the reason. */
function signed(data: (people: People) => string): (people: People) => string {
  return (people) => frameOf(people.mallory, data(people));
}

type Members = Readonly<Record<string, string | null>>;

/** Right data with other members; null: without this one. */
function withData(members: Members | ((people: People) => Members)): (people: People) => string {
  return signed((people) =>
    objectText({
      sender: `"${people.mallory.code}"`,
      recipient: `"${people.bob.code}"`,
      id: `"${randomBytes(8).toString('hex')}"`,
      message: PAYLOAD,
      ...(typeof members === 'function' ? members(people) : members),
    }),
  );
}

const withMessage = (message: string) => withData({ message });
const withPayload = (payload: string) => withMessage(`{"type":"message","payload":${payload}}`);
const refused = (name: string, frame: TextCase['frame'], answer: TextCase['answer'] = 'bad_frame') => ({
  name,
  frame,
  answer,
});

const WRONG_VALUES = ['null', '[]', '{}', '1', 'true', '""', `"${'x'.repeat(60_000)}"`] as const;
const shown = (value: string) => (value.length > 20 ? 'a string of 60 KB' : value);

/** Every member of ours with every kind of value that it must not have. */
const FIELDS: readonly TextCase[] = [
  ...['sender', 'recipient', 'id', 'message'].flatMap((member) => [
    ...WRONG_VALUES.map((value) => refused(`${member}: ${shown(value)}`, withData({ [member]: value }))),
    refused(
      `${member} twice`,
      signed(({ mallory, bob }) => {
        const values: Record<string, string> = { sender: mallory.code, recipient: bob.code, id: 'odd' };
        const value = member === 'message' ? PAYLOAD : `"${values[member]}"`;
        return `{"${member}":${value},"sender":"${mallory.code}","recipient":"${bob.code}","id":"odd","message":${PAYLOAD}}`;
      }),
    ),
    refused(
      `${member} twice, once with an escape`,
      withData(({ mallory, bob }) => {
        const values: Record<string, string> = { sender: mallory.code, recipient: bob.code, id: 'odd' };
        const escaped = `\\u00${member.charCodeAt(0).toString(16)}${member.slice(1)}`;
        return { [escaped]: member === 'message' ? PAYLOAD : `"${values[member]}"` };
      }),
    ),
    refused(`${member.toUpperCase()} beside ${member}`, withData({ [member.toUpperCase()]: '1' })),
  ]),
  ...['sender', 'recipient', 'message'].map((member) =>
    refused(`no ${member}`, withData({ [member]: null })),
  ),
  ...WRONG_VALUES.map((value) => refused(`type: ${shown(value)}`, withMessage(`{"type":${value}}`))),
  refused('type twice', withMessage('{"type":"message","type":"message"}')),
  refused('no type', withMessage('{"payload":1}')),
  ...WRONG_VALUES.map((value) => refused(`data: ${shown(value)}`, ({ mallory }) => frameOf(mallory, value))),
  ...WRONG_VALUES.map((value) =>
    refused(`signature: ${shown(value)}`, (people) => {
      const frame = withMessage(PAYLOAD)(people);
      return frame.replace(/"signature":"[0-9a-f]*"/, `"signature":${value}`);
    }),
  ),
  refused('signature twice', (people) =>
    withMessage(PAYLOAD)(people).replace(/("signature":"[0-9a-f]*")/, '$1,$1'),
  ),
  refused('no signature', (people) => withMessage(PAYLOAD)(people).replace(/,"signature":"[0-9a-f]*"/, '')),
  refused('data twice', (people) => withMessage(PAYLOAD)(people).replace('{"data"', '{"data":{},"data"')),
];

const JSON_TRICKS: readonly TextCase[] = [
  refused('white space', () => ' \n\t '),
  refused('an array', () => '[]'),
  refused('a string', () => '"data"'),
  refused('a byte order mark', (people) => `\ufeff${withMessage(PAYLOAD)(people)}`),
  refused('something behind the frame', (people) => `${withMessage(PAYLOAD)(people)} {}`),
  refused('a second frame behind the frame', (people) => withMessage(PAYLOAD)(people).repeat(2)),
  refused('a comment', (people) => `/**/${withMessage(PAYLOAD)(people)}`),
  refused('a comma too many', withMessage('{"type":"message",}')),
  refused('single quotes', withMessage("{'type':'message'}")),
  refused('a depth of 9', withPayload(`${'['.repeat(6)}${']'.repeat(6)}`)),
  refused('a depth of 30,000', withPayload(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)),
  refused('20,000 brackets that never close', () => '{"data":'.repeat(5_000)),
  refused('__proto__ in the payload', withPayload('{"__proto__":{"admin":true}}')),
  refused('__proto__ with an escape', withPayload('{"\\u005f_proto__":1}')),
  refused('__proto__ in data', withData({ ['__proto__']: '{"sender":"server"}' })),
  refused('a lone surrogate', withPayload('"\\ud800"')),
  refused('surrogates the wrong way round', withPayload('"\\udc00\\ud800"')),
  refused('a raw NUL in a string', withPayload('"a\0b"')),
  refused('a raw line feed in a string', withPayload('"a\nb"')),
  refused('the number 01', withPayload('01')),
  refused('the number +1', withPayload('+1')),
  refused('NaN', withPayload('NaN')),
  refused('the number 1e400', withPayload('1e400'), 'accepted'),
  refused('-0 and 1.0', withPayload('[-0,1.0,1e2]'), 'accepted'),
  refused('constructor and toString', withPayload('{"constructor":1,"toString":2}'), 'accepted'),
  refused('an escaped NUL', withPayload('"\\u0000"'), 'accepted'),
  refused(
    '5,000 members',
    withPayload(`{${Array.from({ length: 5_000 }, (_, n) => `"${n}":1`).join(',')}}`),
    'accepted',
  ),
  refused(
    '5,000 members, the first again at the end',
    withPayload(`{${Array.from({ length: 5_000 }, (_, n) => `"${n}":1`).join(',')},"0":1}`),
  ),
];

/** A code is seven characters of Crockford's alphabet, and nothing else looks like one. */
const CODES: readonly TextCase[] = [
  ...[
    'server',
    'ABCDEF',
    'ABCDEFGH',
    '',
    '*******',
    'ABC{D}E',
    'ABC:DEF',
    'ABC\\nDEF',
    'ABC\\u0000DE',
    'ILOUILO',
    'АВСЕНКМ',
    'ＡＢＣＤＥＦＧ',
  ].map((code) => refused(`recipient ${JSON.stringify(code)}`, withData({ recipient: `"${code}"` }))),
  refused(
    'the own code in lower case',
    withData(({ mallory }) => ({ sender: `"${mallory.code.toLowerCase()}x"` })),
  ),
  refused('the sender is server', withData({ sender: '"server"' })),
  ...['connect_ack', 'challenge', 'accepted', 'error', 'drained'].map((type) =>
    refused(`the type ${type}, which is the relay's own`, withMessage(`{"type":"${type}"}`)),
  ),
  refused('a type in upper case', withMessage('{"type":"Message"}')),
  refused('an id with a line feed', withData({ id: '"a\\nb"' })),
  refused('an id of 65 characters', withData({ id: `"${'i'.repeat(65)}"` })),
  refused(
    'a connect on a connected socket',
    signed(({ mallory }) => `{"sender":"${mallory.code}","message":{"type":"connect"}}`),
  ),
  refused('an ack by protocol 1', () => '{"ack":"0-0"}'),
  refused('an exchange without a key', withMessage('{"type":"key_exchange"}')),
  refused(
    'an exchange key of small order',
    withMessage(`{"type":"key_exchange","payload":{"ecdh_public_key":"${'00'.repeat(32)}"}}`),
  ),
  refused(
    'oneself as recipient',
    withData(({ mallory }) => ({ recipient: `"${mallory.code}"` })),
    'accepted',
  ),
  refused('an unknown recipient', withData({ recipient: '"ZZZZZZZ"' }), 'recipient_unknown'),
];

/** The order of the group of Ed25519, little-endian. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same signature with S + L, which a lenient verifier would take for another valid one. */
function malleable(signature: string): string {
  const s = BigInt(`0x${Buffer.from(signature.slice(64), 'hex').reverse().toString('hex')}`);
  const larger = (s + ORDER).toString(16).padStart(64, '0');
  return signature.slice(0, 64) + Buffer.from(larger, 'hex').reverse().toString('hex');
}

const resigned = (data: string, signature: string) => `{"data":${data},"signature":"${signature}"}`;
const plain = (sender: PlainUser, recipient: PlainUser) =>
  `{"sender":"${sender.code}","recipient":"${recipient.code}","message":${PAYLOAD},"id":"forged"}`;

const FORGERIES: readonly TextCase[] = [
  refused(
    "another user's code as sender, the own signature",
    ({ mallory, alice, bob }) => frameOf(mallory, plain(alice, bob)),
    'sender_mismatch',
  ),
  refused(
    "another user's whole envelope",
    ({ alice, bob }) => frameOf(alice, plain(alice, bob)),
    'sender_mismatch',
  ),
  refused(
    "another user's signature",
    ({ mallory, alice, bob }) => frameOf(alice, plain(mallory, bob)),
    'bad_signature',
  ),
  refused(
    'a signature for another recipient',
    ({ mallory, alice, bob }) => resigned(plain(mallory, bob), signHex(mallory, plain(mallory, alice))),
    'bad_signature',
  ),
  refused(
    'a space more than was signed',
    ({ mallory, bob }) =>
      resigned(plain(mallory, bob).replace('{', '{ '), signHex(mallory, plain(mallory, bob))),
    'bad_signature',
  ),
  refused(
    'a signature of zeros',
    ({ mallory, bob }) => resigned(plain(mallory, bob), '0'.repeat(128)),
    'bad_signature',
  ),
  refused(
    'a signature at random',
    ({ mallory, bob }) => resigned(plain(mallory, bob), randomBytes(64).toString('hex')),
    'bad_signature',
  ),
  refused(
    'R the identity, S = 0',
    ({ mallory, bob }) => resigned(plain(mallory, bob), `01${'00'.repeat(63)}`),
    'bad_signature',
  ),
  refused(
    'S + L (malleability)',
    ({ mallory, bob }) => resigned(plain(mallory, bob), malleable(signHex(mallory, plain(mallory, bob)))),
    'bad_signature',
  ),
  refused(
    'a signature in upper case',
    ({ mallory, bob }) => resigned(plain(mallory, bob), signHex(mallory, plain(mallory, bob)).toUpperCase()),
    'accepted',
  ),
];

export const TEXT_CASES = { fields: FIELDS, 'JSON tricks': JSON_TRICKS, codes: CODES, forgeries: FORGERIES };
