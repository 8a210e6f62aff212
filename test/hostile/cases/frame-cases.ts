import { closePayload, type FrameParts, OPCODE, rawFrame } from '../../support/plain/raw-connection.ts';

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

type Frames = readonly Uint8Array[];
const dropped = (name: string, ...frames: Frames): FrameCase => ({ name, frames, outcome: 'dropped' });
const closed = (outcome: number, name: string, ...frames: Frames): FrameCase => ({ name, frames, outcome });
const survives = (name: string, frames: Frames, pongs: readonly string[] = []): FrameCase => ({
  name,
  frames,
  outcome: 'survives',
  pongs,
});

const text = (payload: string | Uint8Array, parts: Partial<FrameParts> = {}) =>
  rawFrame({ opcode: OPCODE.text, payload, ...parts });
const begun = (payload: string | Uint8Array) => text(payload, { fin: false });
const more = (payload: string | Uint8Array, fin = false) =>
  rawFrame({ opcode: OPCODE.continuation, payload, fin });
const ping = (payload = '') => rawFrame({ opcode: OPCODE.ping, payload });
const close = (...parts: Parameters<typeof closePayload>) =>
  rawFrame({ opcode: OPCODE.close, payload: closePayload(...parts) });
const bytes = (hex: string) => Buffer.from(hex, 'hex');

const HEADERS: readonly FrameCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((reserved) =>
    dropped(
      `reserved bits ${reserved.toString(2).padStart(3, '0')} on a text (5.2)`,
      text('{}', { reserved }),
    ),
  ),
  dropped('RSV1 on a ping (5.2)', rawFrame({ opcode: OPCODE.ping, reserved: 4 })),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    dropped(`reserved opcode ${opcode} (5.2)`, rawFrame({ opcode })),
  ),
  // uWebSockets does not look at the bit, and reads on as if there were a mask: at least never what was written.
  closed(4400, 'an unmasked text (5.1)', text('{}', { masked: false }), Buffer.from('{}{}')),
  dropped('a length of 2^63', text('', { claimedLength: 2n ** 63n, lengthBits: 64 })),
  dropped('a length of 2^64 - 1', text('', { claimedLength: 2n ** 64n - 1n, lengthBits: 64 })),
  dropped('a length of one over twice the limit', text('', { claimedLength: 131_073n, lengthBits: 64 })),
];

const TEN = Array.from({ length: 10 }, (_, index) => `${index}`);
const LONGEST = 'p'.repeat(125);
const CONTROL: readonly FrameCase[] = [
  survives('an empty ping', [ping()], ['']),
  survives('a ping of 125 bytes (5.5)', [ping(LONGEST)], [LONGEST]),
  survives('ten pings at once', TEN.map(ping), TEN),
  survives('an unsolicited pong (5.5.3)', [rawFrame({ opcode: OPCODE.pong })]),
  survives('a pong of 125 bytes', [rawFrame({ opcode: OPCODE.pong, payload: LONGEST })]),
  ...[OPCODE.ping, OPCODE.pong, OPCODE.close].flatMap((opcode) => [
    dropped(
      `control frame ${opcode} of 126 bytes (5.5)`,
      opcode === OPCODE.close ? close(1000, 'c'.repeat(124)) : rawFrame({ opcode, payload: 'p'.repeat(126) }),
    ),
    dropped(`control frame ${opcode} in fragments (5.5)`, rawFrame({ opcode, fin: false })),
  ]),
  {
    name: 'a ping between fragments (5.4)',
    frames: [begun('{'), ping('between'), more('}', true)],
    outcome: 4400,
    pongs: ['between'],
  },
];

const FRAGMENTS: readonly FrameCase[] = [
  dropped('a continuation of nothing (5.4)', more('{}')),
  dropped('the end of nothing (5.4)', more('{}', true)),
  dropped('a text inside a text (5.4)', begun('{'), text('}')),
  dropped('a binary inside a text (5.4)', begun('{'), rawFrame({ opcode: OPCODE.binary, payload: '}' })),
  closed(4400, 'a continuation behind a whole text (5.4)', begun('{'), more('}', true), more('}', true)),
  dropped(
    'a fragment that never ends, over the limit',
    begun('{'),
    ...Array.from({ length: 33 }, () => more(' '.repeat(4096))),
  ),
  dropped(
    '140,000 fragments of one byte',
    begun('{'),
    Buffer.concat(Array.from({ length: 140_000 }, () => more(' '))),
  ),
  closed(4400, 'empty fragments', begun(''), more(''), more('', true)),
  closed(4400, 'an empty text', text('')),
  closed(4400, 'an empty binary', rawFrame({ opcode: OPCODE.binary })),
  closed(4400, 'a binary', rawFrame({ opcode: OPCODE.binary, payload: '{}' })),
  closed(1009, 'a text of 65,537 bytes', text(' '.repeat(65_537))),
  closed(1009, 'a text of 131,072 bytes', text(' '.repeat(131_072))),
  closed(4400, 'one byte at a time', ...[...text('{}')].map((byte) => Buffer.from([byte]))),
];

const UTF8: readonly FrameCase[] = [
  dropped('a lone continuation byte (8.1)', text(bytes('80'))),
  dropped('an overlong slash', text(bytes('c0af'))),
  dropped('an overlong NUL', text(bytes('e08080'))),
  dropped('a surrogate', text(bytes('eda080'))),
  dropped('a code point over U+10FFFF', text(bytes('f4908080'))),
  dropped('byte FF', text(bytes('7b22ff'))),
  dropped('a character cut off', text(bytes('7b22e282'))),
  dropped('invalid over a fragment border', begun(bytes('e2')), more(bytes('28a1'), true)),
  closed(4400, 'valid over a fragment border', begun(bytes('e2')), more(bytes('82ac'), true)),
];

const CLOSES: readonly FrameCase[] = [
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) =>
    dropped(`close ${code} (7.4)`, close(code)),
  ),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4999].map((code) =>
    closed(code, `close ${code}`, close(code, 'bye')),
  ),
  // Right by 7.4.2, but uWebSockets takes it for an invalid code.
  dropped('close 3000', close(3000)),
  dropped('a close without a code', rawFrame({ opcode: OPCODE.close })),
  dropped('a close of one byte (5.5.1)', rawFrame({ opcode: OPCODE.close, payload: bytes('03') })),
  dropped('a close whose reason is not UTF-8 (5.5.1)', close(1000, bytes('ceba80'))),
  closed(1000, 'a text behind a close (5.5.1)', close(1000), text('{}')),
];

export const FRAME_CASES = {
  headers: HEADERS,
  'control frames': CONTROL,
  fragments: FRAGMENTS,
  'UTF-8': UTF8,
  closes: CLOSES,
};
