import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  agreed,
  answered,
  type ExchangeState,
  type Level,
  NO_EXCHANGE,
  nextTerms,
  onAnswer,
  onOpened,
  onRequest,
  onSealed,
  request,
} from '../../../src/client/keys/exchange/exchange.ts';
import type { AnswerPayload, RequestPayload } from '../../../src/client/keys/exchange/exchange-payloads.ts';
import {
  newestGeneration,
  type Session,
  sendingSession,
} from '../../../src/client/keys/messages/sessions.ts';

export type Frame =
  | { kind: 'request'; from: string; id: string; payload: RequestPayload }
  | { kind: 'answer'; from: string; id: string; payload: AnswerPayload }
  | { kind: 'message'; from: string; exchange: string; counter: number };

/** 64 hex digits that stand for a key or a digest: the machine compares them, and computes nothing with them. */
let nextKey = 1;
export const newKey = () => (nextKey++).toString(16).padStart(64, '0');

/** One side, as the SDK drives the machine: asks, answers, seals, opens. */
export class Side {
  readonly code: string;
  readonly version: 1 | 2;
  state: ExchangeState = NO_EXCHANGE;
  level: Level = { version: 1, hybrid: false };
  nowMs = 1_000_000;
  /** Everything that was sealed or opened, as exchange and counter. */
  readonly sealed: string[] = [];
  readonly opened: string[] = [];
  /** Messages that came under exchanges that this side does not have. */
  readonly unreadable: string[] = [];
  /** Numbers of first messages that have to go out again. */
  readonly lost: number[] = [];
  #first = 0;

  constructor(code: string, version: 1 | 2 = 2) {
    this.code = code;
    this.version = version;
  }

  ask(changes: Partial<NonNullable<RequestPayload['terms']>> = {}): Frame {
    const publicKey = newKey();
    const id = newKey();
    const terms = nextTerms(this.state, this.nowMs);
    const step = request(this.state, {
      id,
      publicKey,
      secretKey: publicKey,
      kemSeed: null,
      static: false,
      generation: this.version === 1 ? null : terms.generation,
      first: this.version === 1 ? null : this.#first++,
      atMs: this.nowMs,
      signedAtMs: this.version === 1 ? null : terms.atMs,
    });
    this.#take(step);
    const of2 = { ...terms, kemPublicKey: null, audience: 'wss://relay.test/ws', first: null, ...changes };
    return {
      kind: 'request',
      from: this.code,
      id,
      payload: { publicKey, terms: this.version === 1 ? null : of2 },
    };
  }

  say(): Frame | null {
    const session = sendingSession(this.state);
    if (session === undefined) return null;
    const { next } = session.send;
    this.state = onSealed(this.state, { ...session, send: { ...session.send, next: next + 1 } }).state;
    this.sealed.push(`${session.id}:${next}`);
    return { kind: 'message', from: this.code, exchange: session.id, counter: next };
  }

  /** What it sends in answer. */
  hear(frame: Frame): Frame[] {
    if (frame.kind === 'request') return this.#asked(frame);
    if (frame.kind === 'answer') return this.#answered(frame);
    this.#open(frame);
    return [];
  }

  #asked({ id, payload, from }: Extract<Frame, { kind: 'request' }>): Frame[] {
    const now = { nowMs: this.nowMs, audiences: ['wss://relay.test/ws'] };
    const asked = this.version === 1 ? { ...payload, terms: null } : payload;
    const step = onRequest(this.state, { ...asked, id, level: this.level, now, ownKeys: [] });
    this.state = step.state;
    if (step.outcome !== 'answer') return [];
    const { generation } = step;
    const answerId = newKey();
    const terms = generation === null ? null : { generation, kemCiphertext: null, first: 'opened' as const };
    const about = { requestId: id, answerId, generation, asker: from, role: 'responder' as const };
    this.state = answered(this.state, this.#session(about));
    const answer: AnswerPayload = { publicKey: newKey(), inReplyTo: id, terms };
    return [{ kind: 'answer', from: this.code, id: answerId, payload: answer }];
  }

  #answered({ id, payload }: Extract<Frame, { kind: 'answer' }>): Frame[] {
    const step = onAnswer(this.state, payload, this.level);
    if (step.outcome !== 'agreed') return [];
    const { pending } = step;
    const generation = payload.terms?.generation ?? null;
    const about = {
      requestId: pending.id,
      answerId: id,
      generation,
      asker: this.code,
      role: 'initiator' as const,
    };
    const session = this.#session(about);
    this.#take(agreed(this.state, { pending, session, firstOpened: payload.terms?.first === 'opened' }));
    const ready = this.say();
    return ready === null ? [] : [ready];
  }

  #open({ exchange, counter }: Extract<Frame, { kind: 'message' }>): void {
    const session = this.state.sessions.find(({ id }) => id === exchange);
    if (session === undefined) this.unreadable.push(`${exchange}:${counter}`);
    else if (counter >= session.receive.next) {
      this.#take(onOpened(this.state, { ...session, receive: { ...session.receive, next: counter + 1 } }));
      this.opened.push(`${exchange}:${counter}`);
    }
  }

  #take({ state, lost }: { state: ExchangeState; lost: readonly number[] }): void {
    this.state = state;
    this.lost.push(...lost);
  }

  #session(of: {
    requestId: string;
    answerId: string;
    generation: number | null;
    asker: string;
    role: 'initiator' | 'responder';
  }): Session {
    const { requestId, answerId, generation, asker, role } = of;
    const id =
      generation === null
        ? requestId
        : createHash('sha256')
            .update(requestId + answerId)
            .digest('hex');
    const chain = { key: newKey(), next: 0, link: '', missing: [] };
    return {
      id,
      version: generation === null ? 1 : 2,
      role,
      generation: generation ?? newestGeneration(this.state) + 1,
      smallerAsked: asker === 'AAAAAAA',
      send: chain,
      receive: { ...chain, key: newKey() },
      proven: role === 'initiator',
      hybrid: false,
      static: false,
      atMs: this.nowMs,
    };
  }
}

/** Two sides and the frames on the way to each, in order. */
export class Pair {
  readonly small: Side;
  readonly large: Side;
  readonly ways: Map<Side, Frame[]>;
  readonly everSent: Frame[] = [];

  constructor(versions: { small?: 1 | 2; large?: 1 | 2 } = {}) {
    this.small = new Side('AAAAAAA', versions.small);
    this.large = new Side('BBBBBBB', versions.large);
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

  ask(side: Side): void {
    this.send(side, side.ask());
  }

  /** One side asks for keys, and everything is delivered. */
  agree(side: Side): void {
    this.ask(side);
    this.drain();
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

  wait(ms: number): void {
    for (const side of [this.small, this.large]) side.nowMs += ms;
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
  if (step.does === 'wait') pair.wait(40_000);
}
