import WebSocket from 'ws';
import { CLOSES } from '../../../src/protocol/closes.ts';
import { FRAME_ERRORS } from '../../../src/protocol/errors.ts';
import { type Challenge, connectText, frameOf, readServerMessage } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import type { PlainUser } from '../../support/plain/users.ts';
import type { Random } from '../../support/random.ts';
import { type FuzzFrame, fuzzFrame } from './fuzz-frames.ts';

/** Where in the life of a socket frames are sent. */
const STATES = [
  'before connect, 1',
  'before connect, 2',
  'behind connect',
  'session, 1',
  'session, 2',
  'while closing',
] as const;
type State = (typeof STATES)[number];

const FRAMES_A_SOCKET = 16;
const ANSWER_TIMEOUT_MS = 20_000;
const KNOWN_CLOSES: ReadonlySet<number> = new Set(Object.values(CLOSES).map(({ code }) => code));

export interface FuzzCounts {
  sent: number;
  sockets: number;
  /** By error code, type of the relay's frames, and close code. */
  readonly answers: Map<string, number>;
  /** What no documented answer is. */
  readonly surprises: string[];
}

export interface FuzzOptions {
  readonly url: string;
  readonly users: readonly PlainUser[];
  readonly frames: number;
  readonly socketsAtOnce: number;
  readonly random: Random;
}

export function newCounts(): FuzzCounts {
  return { sent: 0, sockets: 0, answers: new Map(), surprises: [] };
}

/** Sends until the counts have `frames`. */
export async function fuzzSockets(options: FuzzOptions, counts = newCounts()): Promise<FuzzCounts> {
  const work = async (worker: number): Promise<void> => {
    // A user who has spoken protocol 2 may not go back to 1: one for each.
    const one = options.users[(2 * worker) % options.users.length];
    const two = options.users[(2 * worker + 1) % options.users.length];
    if (one === undefined || two === undefined) throw new Error('two users for each socket are needed');
    while (counts.sent < options.frames) {
      const state = options.random.pick(STATES);
      const people = state.endsWith('2') ? { me: two, other: one } : { me: one, other: two };
      await oneSocket({ ...options, ...people, state, counts });
    }
  };
  await Promise.all(Array.from({ length: options.socketsAtOnce }, (_, index) => work(index)));
  return counts;
}

interface SocketOptions extends FuzzOptions {
  readonly me: PlainUser;
  readonly other: PlainUser;
  readonly state: State;
  readonly counts: FuzzCounts;
}

/** One socket: to its state, then frames until the relay closes it, or enough of them. */
function oneSocket(options: SocketOptions): Promise<void> {
  const { url, random, me, other, state, counts } = options;
  const protocol = state.endsWith('2') ? 2 : 1;
  const count = (name: string) => counts.answers.set(name, (counts.answers.get(name) ?? 0) + 1);
  counts.sockets += 1;
  return new Promise((resolve) => {
    const { ws } = new PlainClient(url, {
      protocol,
      keep: false,
      onFrame: (frame) => hear(String(frame)),
    });
    let breaksTcp = false;
    const timer = setTimeout(() => {
      counts.surprises.push(`no end of a socket (${state})`);
      ws.terminate();
    }, ANSWER_TIMEOUT_MS);
    const sendFrames = () => {
      for (let n = 0; n < FRAMES_A_SOCKET && ws.readyState === WebSocket.OPEN; n += 1) {
        const frame = fuzzFrame(random, me, other);
        counts.sent += 1;
        breaksTcp ||=
          frame.kind === 'bytes' || (frame.kind === 'text' && Buffer.byteLength(frame.text) > 131_072);
        send(ws, frame, random);
      }
      // A pong behind everything says that all of it was read, unless the relay has closed.
      if (state === 'while closing') ws.close(1000);
      else ws.ping('the end');
    };
    const connect = (challenge?: Challenge) => ws.send(frameOf(me, connectText(me.code, challenge)));
    const hear = (frame: string) => {
      const message = readServerMessage(frame);
      if (message === null) return;
      const { type, payload } = message;
      const code = type === 'error' ? String(payload.code) : null;
      count(code ?? type);
      if (code !== null && !Object.hasOwn(FRAME_ERRORS, code))
        counts.surprises.push(`an error of code ${code}`);
      if (type === 'challenge') {
        if (state === 'before connect, 2') sendFrames();
        else connect(payload as unknown as Challenge);
      } else if (type === 'connect_ack' && state.startsWith('session')) sendFrames();
    };
    ws.on('open', () => {
      if (state === 'behind connect' || state === 'session, 1' || state === 'while closing') connect();
      if (!state.startsWith('session') && state !== 'before connect, 2') sendFrames();
    });
    ws.on('pong', (bytes) => {
      if (bytes.toString() === 'the end') ws.close(1000);
    });
    ws.on('error', (error) => {
      if (!/closed before|WebSocket was closed/.test(error.message))
        count(`client: ${error.message.slice(0, 40)}`);
    });
    ws.on('close', (code) => {
      clearTimeout(timer);
      count(`close ${code}`);
      // 1006: the TCP connection was dropped, which only breaches of RFC 6455 and far too large frames may bring.
      const expected =
        KNOWN_CLOSES.has(code) || code === 1000 || code === 1005 || (code === 1006 && breaksTcp);
      if (!expected) counts.surprises.push(`close ${code} (${state})`);
      resolve();
    });
  });
}

function send(ws: WebSocket, frame: FuzzFrame, random: Random): void {
  if (frame.kind === 'text') sendText(ws, frame.text, random);
  else if (frame.kind === 'ping') ws.ping(frame.bytes);
  else if (frame.kind === 'pong') ws.pong(frame.bytes);
  else ws.send(frame.bytes, { binary: frame.kind === 'binary' });
}

/** Some in two fragments. */
function sendText(ws: WebSocket, text: string, random: Random): void {
  if (!random.once(10)) {
    ws.send(text);
    return;
  }
  const middle = random.below(text.length + 1);
  ws.send(text.slice(0, middle), { fin: false });
  ws.send(text.slice(middle), { fin: true });
}
