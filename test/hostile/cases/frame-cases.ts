import { closePayload, OPCODE, rawFrame } from '../../support/plain/raw-connection.ts';

/**
 * WebSocket frames written by hand (RFC 6455, section 5; the cases follow those of the Autobahn suite).
 * - `dropped`: the TCP connection ends, without an answer or after a close frame
 * - `survives`: the socket goes on working
 * - a number: a close frame with this code, then the end
 */
export interface FrameCase {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
  readonly outcome: 'dropped' | 'survives' | number;
  /** Payloads of the pongs that must come back. */
  readonly pongs?: readonly string[];
}

const text = (payload: string | Uint8Array, more: Partial<Parameters<typeof rawFrame>[0]> = {}) =>
  rawFrame({ opcode: OPCODE.text, payload, ...more });
const more = (payload: string | Uint8Array, fin: boolean) =>
  rawFrame({ opcode: OPCODE.continuation, payload, fin });
const bytes = (hex: string) => Buffer.from(hex, 'hex');

const HEADERS: readonly FrameCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((reserved) => ({
    name: `reserved bits ${reserved.toString(2).padStart(3, '0')} on a text (5.2)`,
    frames: [text('{}', { reserved })],
    outcome: 'dropped' as const,
  })),
  {
    name: 'RSV1 on a ping (5.2)',
    frames: [rawFrame({ opcode: OPCODE.ping, reserved: 4 })],
    outcome: 'dropped',
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    name: `reserved opcode ${opcode} (5.2)`,
    frames: [rawFrame({ opcode })],
    outcome: 'dropped' as const,
  })),
  {
    // uWebSockets does not look at the bit, and reads on as if there were a mask: at least never what was written.
    name: 'an unmasked text (5.1)',
    frames: [text('{}', { masked: false }), Buffer.from('{}{}')],
    outcome: 4400,
  },
  {
    name: 'a length of 2^63',
    frames: [text('', { claimedLength: 2n ** 63n, lengthBits: 64 })],
    outcome: 'dropped',
  },
  {
    name: 'a length of 2^64 - 1',
    frames: [text('', { claimedLength: 2n ** 64n - 1n, lengthBits: 64 })],
    outcome: 'dropped',
  },
  {
    name: 'a length of one over twice the limit',
    frames: [text('', { claimedLength: 131_073n, lengthBits: 64 })],
    outcome: 'dropped',
  },
];

const CONTROL: readonly FrameCase[] = [
  { name: 'an empty ping', frames: [rawFrame({ opcode: OPCODE.ping })], outcome: 'survives', pongs: [''] },
  {
    name: 'a ping of 125 bytes (5.5)',
    frames: [rawFrame({ opcode: OPCODE.ping, payload: 'p'.repeat(125) })],
    outcome: 'survives',
    pongs: ['p'.repeat(125)],
  },
  {
    name: 'ten pings at once',
    frames: Array.from({ length: 10 }, (_, index) => rawFrame({ opcode: OPCODE.ping, payload: `${index}` })),
    outcome: 'survives',
    pongs: Array.from({ length: 10 }, (_, index) => `${index}`),
  },
  {
    name: 'an unsolicited pong (5.5.3)',
    frames: [rawFrame({ opcode: OPCODE.pong })],
    outcome: 'survives',
  },
  {
    name: 'a pong of 125 bytes',
    frames: [rawFrame({ opcode: OPCODE.pong, payload: 'p'.repeat(125) })],
    outcome: 'survives',
  },
  ...[OPCODE.ping, OPCODE.pong, OPCODE.close].flatMap((opcode) => [
    {
      name: `control frame ${opcode} of 126 bytes (5.5)`,
      frames: [
        rawFrame({
          opcode,
          payload: opcode === OPCODE.close ? closePayload(1000, 'c'.repeat(124)) : 'p'.repeat(126),
        }),
      ],
      outcome: 'dropped' as const,
    },
    {
      name: `control frame ${opcode} in fragments (5.5)`,
      frames: [rawFrame({ opcode, fin: false })],
      outcome: 'dropped' as const,
    },
  ]),
  {
    name: 'a ping between fragments (5.4)',
    frames: [
      text('{', { fin: false }),
      rawFrame({ opcode: OPCODE.ping, payload: 'between' }),
      more('}', true),
    ],
    outcome: 4400,
    pongs: ['between'],
  },
];

const FRAGMENTS: readonly FrameCase[] = [
  { name: 'a continuation of nothing (5.4)', frames: [more('{}', false)], outcome: 'dropped' },
  { name: 'the end of nothing (5.4)', frames: [more('{}', true)], outcome: 'dropped' },
  { name: 'a text inside a text (5.4)', frames: [text('{', { fin: false }), text('}')], outcome: 'dropped' },
  {
    name: 'a binary inside a text (5.4)',
    frames: [text('{', { fin: false }), rawFrame({ opcode: OPCODE.binary, payload: '}' })],
    outcome: 'dropped',
  },
  {
    name: 'a continuation behind a whole text (5.4)',
    frames: [text('{', { fin: false }), more('}', true), more('}', true)],
    outcome: 4400,
  },
  {
    name: 'a fragment that never ends, over the limit',
    frames: [text('{', { fin: false }), ...Array.from({ length: 33 }, () => more(' '.repeat(4096), false))],
    outcome: 'dropped',
  },
  {
    name: '140,000 fragments of one byte',
    frames: [
      text('{', { fin: false }),
      Buffer.concat(Array.from({ length: 140_000 }, () => more(' ', false))),
    ],
    outcome: 'dropped',
  },
  {
    name: 'empty fragments',
    frames: [text('', { fin: false }), more('', false), more('', true)],
    outcome: 4400,
  },
  { name: 'an empty text', frames: [text('')], outcome: 4400 },
  { name: 'an empty binary', frames: [rawFrame({ opcode: OPCODE.binary })], outcome: 4400 },
  { name: 'a binary', frames: [rawFrame({ opcode: OPCODE.binary, payload: '{}' })], outcome: 4400 },
  {
    name: 'a text of 65,537 bytes',
    frames: [text(' '.repeat(65_537))],
    outcome: 1009,
  },
  { name: 'a text of 131,072 bytes', frames: [text(' '.repeat(131_072))], outcome: 1009 },
  {
    name: 'one byte at a time',
    frames: [...text('{}')].map((byte) => Buffer.from([byte])),
    outcome: 4400,
  },
];

const UTF8: readonly FrameCase[] = [
  { name: 'a lone continuation byte (8.1)', frames: [text(bytes('80'))], outcome: 'dropped' },
  { name: 'an overlong slash', frames: [text(bytes('c0af'))], outcome: 'dropped' },
  { name: 'an overlong NUL', frames: [text(bytes('e08080'))], outcome: 'dropped' },
  { name: 'a surrogate', frames: [text(bytes('eda080'))], outcome: 'dropped' },
  { name: 'a code point over U+10FFFF', frames: [text(bytes('f4908080'))], outcome: 'dropped' },
  { name: 'byte FF', frames: [text(bytes('7b22ff'))], outcome: 'dropped' },
  { name: 'a character cut off', frames: [text(bytes('7b22e282'))], outcome: 'dropped' },
  {
    name: 'invalid over a fragment border',
    frames: [text(bytes('e2'), { fin: false }), more(bytes('28a1'), true)],
    outcome: 'dropped',
  },
  {
    name: 'valid over a fragment border',
    frames: [text(bytes('e2'), { fin: false }), more(bytes('82ac'), true)],
    outcome: 4400,
  },
];

const CLOSES: readonly FrameCase[] = [
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) => ({
    name: `close ${code} (7.4)`,
    frames: [rawFrame({ opcode: OPCODE.close, payload: closePayload(code) })],
    outcome: 'dropped' as const,
  })),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4999].map((code) => ({
    name: `close ${code}`,
    frames: [rawFrame({ opcode: OPCODE.close, payload: closePayload(code, 'bye') })],
    outcome: code,
  })),
  {
    // Right by 7.4.2, but uWebSockets takes it for an invalid code.
    name: 'close 3000',
    frames: [rawFrame({ opcode: OPCODE.close, payload: closePayload(3000) })],
    outcome: 'dropped',
  },
  { name: 'a close without a code', frames: [rawFrame({ opcode: OPCODE.close })], outcome: 'dropped' },
  {
    name: 'a close of one byte (5.5.1)',
    frames: [rawFrame({ opcode: OPCODE.close, payload: bytes('03') })],
    outcome: 'dropped',
  },
  {
    name: 'a close whose reason is not UTF-8 (5.5.1)',
    frames: [rawFrame({ opcode: OPCODE.close, payload: closePayload(1000, bytes('ceba80')) })],
    outcome: 'dropped',
  },
  {
    name: 'a text behind a close (5.5.1)',
    frames: [rawFrame({ opcode: OPCODE.close, payload: closePayload(1000) }), text('{}')],
    outcome: 1000,
  },
];

export const FRAME_CASES = {
  headers: HEADERS,
  'control frames': CONTROL,
  fragments: FRAGMENTS,
  'UTF-8': UTF8,
  closes: CLOSES,
};
