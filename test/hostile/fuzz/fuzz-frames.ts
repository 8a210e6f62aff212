import { frameOf } from '../../support/plain/frames.ts';
import type { PlainUser } from '../../support/plain/users.ts';
import type { Random } from '../../support/random.ts';

/** What a fuzzer sends on a socket: text as a string; raw bytes as a text frame that need not be UTF-8; or a binary. */
export type FuzzFrame =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes' | 'binary' | 'ping' | 'pong'; readonly bytes: Buffer };

const ODD_VALUES = [
  'null',
  '[]',
  '{}',
  '0',
  '-0',
  '1e400',
  '1.0',
  'true',
  '""',
  '"server"',
  '"ZZZZZZZ"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\"',
  '[[[[[[[[[]]]]]]]]]',
  '{"__proto__":1}',
  '{"a":1,"a":2}',
  '"é𝄞"',
  '01',
  'NaN',
  "'x'",
  '',
] as const;
const ODD_NAMES = [
  'sender',
  'Sender',
  '\\u0073ender',
  'recipient',
  'id',
  'message',
  'type',
  'payload',
  'data',
  'signature',
  'ack',
  'seq',
  '__proto__',
  'constructor',
  '',
] as const;
const TOKENS = [
  ...'{}[]:,"\\',
  '\\u',
  ...' \n\0\ufeff',
  '{"data":',
  ',"signature":"',
  '"}',
  '1e',
  '-',
  '\u2028',
];
const SPACES = ['', ' ', '\n', '\t', '\r\n  '] as const;

/** Mutated valid frames: most are wrong in one place, and signed all the same, so that they get past the first check. */
export function fuzzFrame(random: Random, me: PlainUser, other: PlainUser): FuzzFrame {
  if (random.once(60)) return { kind: 'binary', bytes: randomBytes(random, 64) };
  if (random.once(60)) return { kind: random.once(2) ? 'ping' : 'pong', bytes: randomBytes(random, 125) };
  const text = mutateText(random, sign(random, me, other, data(random, me, other)));
  if (!random.once(50)) return { kind: 'text', text };
  const bytes = Buffer.from(text);
  if (bytes.length > 0) bytes[random.below(bytes.length)] = 0x80 + random.below(128);
  return { kind: 'bytes', bytes };
}

/** Members of `data`, in any order, with at most a few things wrong. */
function data(random: Random, me: PlainUser, other: PlainUser): string {
  const message = random.pick([
    `{"type":"message","payload":${payload(random, 3)}}`,
    `{"type":"message","payload":${payload(random, 3)}}`,
    `{"type":"message","payload":${payload(random, 3)}}`,
    `{"type":"message","payload":${payload(random, 3)}}`,
    `{"type":"key_exchange","payload":{"ecdh_public_key":"${other.ecdhPublicKey}"}}`,
    '{"type":"connect"}',
    `{"type":"connect","payload":{"nonce":"${'0'.repeat(64)}","audience":null}}`,
    `{"type":"${random.pick(['receipt', 'accepted', 'drained', 'a'.repeat(33), 'x_1'])}"}`,
  ]);
  const members: [string, string][] = [
    ['sender', `"${random.once(12) ? other.code : me.code}"`],
    ['recipient', `"${random.once(3) ? me.code : other.code}"`],
    ['message', message],
  ];
  if (random.once(2)) members.push(['id', `"f${random.below(1_000_000)}"`]);
  if (random.once(4)) members.push([random.pick(ODD_NAMES), random.pick(ODD_VALUES)]);
  if (random.once(4)) {
    const member = random.pick(members);
    member[1] = random.pick(ODD_VALUES);
  }
  if (random.once(8)) members.splice(random.below(members.length), 1);
  const space = random.pick(SPACES);
  const written = members
    .sort(() => random.below(3) - 1)
    .map(([name, value]) => `${space}"${name}"${space}:${space}${value}`);
  return `{${written.join(',')}${space}}`;
}

function payload(random: Random, depth: number): string {
  if (depth === 0 || random.once(3)) return random.pick(ODD_VALUES.slice(0, 9));
  const values = Array.from({ length: random.below(4) }, () => payload(random, depth - 1));
  return random.once(2)
    ? `[${values.join(',')}]`
    : `{${values.map((value, index) => `"k${index}":${value}`).join(',')}}`;
}

function sign(random: Random, me: PlainUser, other: PlainUser, signed: string): string {
  if (random.once(30))
    return `{"ack":${random.pick(['"0-0"', '"$"', '"99999999999999999-1"', '1', 'null'])}}`;
  return frameOf(random.once(10) ? other : me, signed);
}

/** After signing: every second frame stays as it is. */
function mutateText(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  switch (random.below(12)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + random.pick(TOKENS) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(Math.min(text.length, at + 1 + random.below(8)));
    case 3:
      return text.slice(0, at) + String.fromCharCode(random.below(0x250)) + text.slice(at + 1);
    case 4:
      return text.slice(0, at) + text.slice(random.below(text.length));
    case 5:
      return random.once(20) ? text + ' '.repeat(random.below(80_000)) : text + text.slice(at);
    default:
      return text;
  }
}

function randomBytes(random: Random, below: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(below) }, () => random.below(256)));
}
