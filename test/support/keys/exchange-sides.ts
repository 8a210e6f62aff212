import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import {
  type ExchangeState,
  type KeyPair,
  mayAskOnSigns,
  NO_EXCHANGE,
  onAcknowledgement,
  onRequest,
  type Peers,
  request,
} from '../../../src/client/keys/exchange.ts';
import { onOpened, onSealed, sendingSession } from '../../../src/client/keys/sessions.ts';

export type Frame =
  | { kind: 'request'; from: string; id: string; publicKey: string }
  | { kind: 'acknowledgement'; from: string; inReplyTo: string; publicKey: string }
  | { kind: 'message'; from: string; exchange: string; counter: number; key: string };

/** One side, as the SDK drives the machine: asks, answers, seals, opens. Ids of requests are made up. */
export class Side {
  readonly code: string;
  readonly eddsaPublicKey = bytesToHex(ed25519.getPublicKey(ed25519.utils.randomSecretKey()));
  readonly #registered: KeyPair | null;
  state: ExchangeState = NO_EXCHANGE;
  peer: Side | null = null;
  nowMs = 0;
  /** Everything that was sealed or opened, as key and counter. */
  readonly sealed: string[] = [];
  readonly opened: string[] = [];
  /** How many messages its counters say are missing. */
  missed = 0;
  static #next = 0;

  constructor(code: string, options: { registered?: boolean } = {}) {
    this.code = code;
    this.#registered = options.registered === true ? { ...fresh(), lasting: true } : null;
  }

  ask(): Frame {
    const keys = this.#keys();
    const id = (Side.#next++).toString(16).padStart(64, '0');
    this.state = request(this.state, { id, keys, nowMs: this.nowMs });
    return { kind: 'request', from: this.code, id, publicKey: keys.publicKey };
  }

  say(): Frame | null {
    const session = sendingSession(this.state);
    if (session === undefined) return null;
    this.state = onSealed(this.state, session.id);
    this.sealed.push(`${session.sendKey}:${session.sent}`);
    return {
      kind: 'message',
      from: this.code,
      exchange: session.id,
      counter: session.sent,
      key: session.sendKey,
    };
  }

  /** What it sends in answer; throws `unreadable` for a message that does not open. */
  hear(frame: Frame): Frame[] {
    if (frame.kind === 'request') return this.#asked(frame);
    if (frame.kind === 'acknowledgement') return this.#answered(frame);
    this.#open(frame);
    return [];
  }

  #asked(frame: Extract<Frame, { kind: 'request' }>): Frame[] {
    const keys = this.#keys();
    const step = onRequest(this.state, { ...frame, keys, peers: this.#peers(), nowMs: this.nowMs });
    this.state = step.state;
    if (step.outcome === 'crossed' && mayAskOnSigns(this.state, this.nowMs)) return [this.ask()];
    if (step.outcome !== 'answer') return [];
    return [{ kind: 'acknowledgement', from: this.code, inReplyTo: frame.id, publicKey: keys.publicKey }];
  }

  #answered(frame: Extract<Frame, { kind: 'acknowledgement' }>): Frame[] {
    const step = onAcknowledgement(this.state, { ...frame, peers: this.#peers(), nowMs: this.nowMs });
    this.state = step.state;
    const ready = step.outcome === 'agreed' ? this.say() : null;
    return ready === null ? [] : [ready];
  }

  #open(frame: Extract<Frame, { kind: 'message' }>): void {
    const session = this.state.sessions.find(({ id }) => id === frame.exchange);
    if (session === undefined || session.receiveKey !== frame.key) throw new Error('unreadable');
    if (frame.counter < session.received) throw new Error('repeated');
    if (frame.counter > session.received) this.missed += frame.counter - session.received;
    this.state = onOpened(this.state, frame.exchange, frame.counter);
    this.opened.push(`${frame.key}:${frame.counter}`);
  }

  #keys(): KeyPair {
    return this.#registered ?? fresh();
  }

  #peers(): Peers {
    if (this.peer === null) throw new Error('alone');
    return { own: this, peer: this.peer };
  }
}

export function fresh(): KeyPair {
  const { secretKey, publicKey } = x25519.keygen();
  return { secretKey: bytesToHex(secretKey), publicKey: bytesToHex(publicKey), lasting: false };
}

/** Two sides and the frames on the way to each, in order. */
export class Pair {
  readonly small: Side;
  readonly large: Side;
  readonly ways: Map<Side, Frame[]>;
  readonly everSent: Frame[] = [];

  constructor(options: { registered?: boolean } = {}) {
    this.small = new Side('AAAAAAA', options);
    this.large = new Side('BBBBBBB', options);
    this.small.peer = this.large;
    this.large.peer = this.small;
    this.ways = new Map([
      [this.small, []],
      [this.large, []],
    ]);
  }

  to(side: Side): Frame[] {
    return this.ways.get(side) ?? [];
  }

  other(side: Side): Side {
    return side === this.small ? this.large : this.small;
  }

  send(from: Side, frame: Frame | null): void {
    if (frame === null) return;
    this.everSent.push(frame);
    this.to(this.other(from)).push(frame);
  }

  deliver(to: Side): void {
    const frame = this.to(to).shift();
    if (frame === undefined) return;
    for (const answer of to.hear(frame)) this.send(to, answer);
  }

  /** Everything that is on the way arrives, and what follows from it. */
  drain(): void {
    for (let round = 0; this.to(this.small).length + this.to(this.large).length > 0; round++) {
      if (round > 1_000) throw new Error('endless');
      this.deliver(this.small);
      this.deliver(this.large);
    }
  }
}

export const who = fc.constantFrom('small', 'large');
export const honestStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ does: fc.constant('ask' as const), who }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('say' as const), who }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('deliver' as const), who }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('wait' as const), who }) },
);

export function play(pair: Pair, step: { does: 'ask' | 'say' | 'deliver' | 'wait'; who: string }): void {
  const side = step.who === 'small' ? pair.small : pair.large;
  if (step.does === 'ask') pair.send(side, side.ask());
  if (step.does === 'say') pair.send(side, side.say());
  if (step.does === 'deliver') pair.deliver(side);
  if (step.does === 'wait') for (const each of [pair.small, pair.large]) each.nowMs += 40_000;
}
