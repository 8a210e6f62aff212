import type {
  DeliverRequest,
  Engine,
  MailboxId,
  MailboxListener,
  ReadRequest,
  SessionKey,
} from '../../engine/engine.ts';
import { isAfter } from '../../engine/mailbox-id.ts';

/** Names the trace of one envelope and its first span, in lower-case hex digits: 32 and 16. */
export interface TraceIds {
  readonly traceId: string;
  readonly rootSpanId: string;
}

/** One step of an envelope, when it is over. Times are milliseconds since 1970. */
export interface EnvelopeSpan {
  /** `store`: from the sender's node into the mailbox. `deliver`: from the mailbox until the recipient has it. */
  readonly name: 'store' | 'deliver';
  readonly ids: TraceIds;
  /** The span that every other node names as its parent. */
  readonly isRoot: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** When the recipient's receipt came; of `deliver` only. */
  readonly receiptMs?: number;
}

export interface Spans {
  /** Decided by the trace id alone, so that all nodes agree. */
  isSampled(ids: TraceIds): boolean;
  record(span: EnvelopeSpan): void;
}

/** Envelopes on their way to recipients that are followed at once; further ones are not. */
const FOLLOWED_MAX = 10_000;
/** A stored frame ends with `"signature":"<128 hex digits>"}`. */
const SIGNATURE_DIGITS = 128;
const AFTER_SIGNATURE = '"}'.length;
const ID_DIGITS = 48;
const HEX = /^[0-9a-f]{48}$/;

/**
 * The ids are the first digits of the signature, which every node finds in the frame: nothing has to travel beside an
 * envelope, be signed, or be stored. A repeat has the same bytes, and so the same trace.
 * @returns null for what is no stored frame
 */
function traceIdsOf(frame: Buffer): TraceIds | null {
  const start = frame.length - AFTER_SIGNATURE - SIGNATURE_DIGITS;
  if (start < 0) return null;
  const digits = frame.toString('latin1', start, start + ID_DIGITS).toLowerCase();
  return HEX.test(digits) ? { traceId: digits.slice(0, 32), rootSpanId: digits.slice(32) } : null;
}

/** The same engine, which records the way of sampled envelopes. Only made while tracing is on: off, nothing is asked. */
export function tracedEngine(engine: Engine, spans: Spans): Engine {
  const followed = new FollowedEnvelopes(spans);
  /** The confirm of a user that is under way. */
  const confirming = new Map<string, Promise<unknown>>();
  /** A session that ends unsubscribes first, and then confirms what its client still had received. */
  const abandonLater = (code: string) => {
    const left = [...followed.of(code)];
    setImmediate(async () => {
      for (let last = confirming.get(code); last !== undefined; last = confirming.get(code))
        await last.catch(() => {});
      followed.abandon(code, left);
    });
  };
  const traced: Pick<Engine, 'deliver' | 'subscribe' | 'read' | 'confirm'> = {
    deliver: (request) => deliver(engine, spans, request),
    subscribe: async (code, listener) => {
      const subscription = await engine.subscribe(code, followed.listener(code, listener));
      return {
        renew: () => subscription.renew(),
        handTo: (next) => subscription.handTo(followed.listener(code, next)),
        unsubscribe: () => {
          subscription.unsubscribe();
          abandonLater(code);
        },
      };
    },
    read: async (request: ReadRequest) => {
      const page = await engine.read(request);
      if (page.state === 'held') {
        for (const { id, frame } of page.envelopes) {
          if (frame !== null) followed.add(request.session.code, { id, frame, via: 'read' });
        }
      }
      return page;
    },
    confirm: async (session: SessionKey, upTo: MailboxId) => {
      const receiptMs = nowMs();
      const { code } = session;
      const confirm = engine.confirm(session, upTo);
      confirming.set(code, confirm);
      try {
        const state = await confirm;
        if (state === 'held') followed.confirmed(code, upTo, receiptMs);
        return state;
      } finally {
        if (confirming.get(code) === confirm) confirming.delete(code);
      }
    },
  };
  return new Proxy(engine, {
    get: (target, name) => {
      if (Object.hasOwn(traced, name)) return traced[name as keyof typeof traced];
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

async function deliver(engine: Engine, spans: Spans, request: DeliverRequest): ReturnType<Engine['deliver']> {
  const startMs = nowMs();
  const record = (outcomes: readonly string[]) => {
    const endMs = nowMs();
    for (const [index, { frame }] of request.envelopes.entries()) {
      const ids = traceIdsOf(frame);
      if (ids === null || !spans.isSampled(ids)) continue;
      const outcome = outcomes[index] ?? 'unavailable';
      const attributes = { 'keyrelay.outcome': outcome, 'keyrelay.bytes': frame.length };
      // A repeat was stored by an earlier call, whose span is the root.
      spans.record({ name: 'store', ids, isRoot: outcome === 'stored', startMs, endMs, attributes });
    }
  };
  try {
    const outcomes = await engine.deliver(request);
    record(outcomes);
    return outcomes;
  } catch (error) {
    record([]);
    throw error;
  }
}

interface Followed {
  readonly id: MailboxId;
  readonly ids: TraceIds;
  readonly bytes: number;
  readonly via: 'wake-up' | 'read';
  readonly startMs: number;
}

/** Sampled envelopes that have reached the recipient's node and are not confirmed yet. */
class FollowedEnvelopes {
  readonly #spans: Spans;
  /** By user, oldest first. */
  readonly #byCode = new Map<string, Followed[]>();
  /** Sum over all users. At most `FOLLOWED_MAX`. */
  #count = 0;

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  listener(code: string, listener: MailboxListener): MailboxListener {
    return {
      onWakeUp: (wakeUp) => {
        this.add(code, { ...wakeUp, via: 'wake-up' });
        listener.onWakeUp(wakeUp);
      },
      onClaimed: (token) => listener.onClaimed(token),
      onPoll: () => listener.onPoll(),
      onReclaim: () => listener.onReclaim(),
    };
  }

  add(code: string, found: { id: MailboxId; frame: Buffer; via: Followed['via'] }): void {
    const ids = traceIdsOf(found.frame);
    if (ids === null || !this.#spans.isSampled(ids) || this.#count >= FOLLOWED_MAX) return;
    const followed = this.#byCode.get(code) ?? [];
    // A wake-up that could not be pushed is read later.
    if (followed.some(({ id }) => id === found.id)) return;
    followed.push({ id: found.id, ids, bytes: found.frame.length, via: found.via, startMs: nowMs() });
    this.#byCode.set(code, followed);
    this.#count += 1;
  }

  confirmed(code: string, upTo: MailboxId, receiptMs: number): void {
    const done = this.#take(code, ({ id }) => !isAfter(id, upTo));
    for (const each of done) this.#record(each, 'confirmed', receiptMs);
  }

  of(code: string): readonly Followed[] {
    return this.#byCode.get(code) ?? [];
  }

  /** Their session has ended: the next one gets them again. */
  abandon(code: string, left: readonly Followed[]): void {
    const lost = this.#take(code, (each) => left.includes(each));
    for (const each of lost) this.#record(each, 'not confirmed');
  }

  /** Those whose way is over are followed no more. */
  #take(code: string, isOver: (each: Followed) => boolean): readonly Followed[] {
    const followed = this.of(code);
    const over = followed.filter(isOver);
    const rest = followed.filter((each) => !isOver(each));
    this.#count -= over.length;
    if (rest.length === 0) this.#byCode.delete(code);
    else this.#byCode.set(code, rest);
    return over;
  }

  #record({ ids, bytes, via, startMs }: Followed, outcome: string, receiptMs?: number): void {
    const attributes = { 'keyrelay.outcome': outcome, 'keyrelay.via': via, 'keyrelay.bytes': bytes };
    const times = { startMs, endMs: nowMs(), ...(receiptMs === undefined ? {} : { receiptMs }) };
    this.#spans.record({ name: 'deliver', ids, isRoot: false, ...times, attributes });
  }
}

/** With fractions, which `Date.now` has not. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
