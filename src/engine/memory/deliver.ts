import { randomInt } from 'node:crypto';
import { FENCE_TTL_MS, HOLD_MS, shareOf, TAG_VALUES } from '../bounds.ts';
import {
  type DeliverOutcome,
  type DeliverRequest,
  type EngineLimits,
  EngineUnavailable,
  type Envelope,
  MAILBOX_START,
  type MailboxId,
  type WakeUp,
} from '../engine.ts';
import { Heard } from './hearing.ts';
import type { Listeners } from './listeners.ts';
import type { MemoryStore } from './store.ts';
import type { UserRecord } from './users.ts';

interface Parts {
  readonly store: MemoryStore;
  readonly listeners: Listeners;
  readonly limits: EngineLimits;
}

/**
 * Decides a batch and stores what is to be stored. See `Engine.deliver`.
 * @param noteAway called if anything was stored
 * @throws EngineUnavailable if the memory is full
 */
export function deliver(
  { store, listeners, limits }: Parts,
  request: DeliverRequest,
  noteAway: (recipient: UserRecord) => void,
): readonly DeliverOutcome[] {
  const nowMs = store.now();
  const recipient = store.users.find(request.recipient, nowMs);
  if (recipient === undefined || recipient.banned(nowMs) !== null) {
    return request.envelopes.map(() => 'recipient_unknown');
  }
  if (performance.now() - request.heldAtMs > HOLD_MS) return request.envelopes.map(() => 'late');
  const answered = answerFromFence(recipient, request, nowMs);
  if (answered !== null) return answered;
  store.expire(recipient, nowMs);
  const { hearing, mailbox } = recipient;
  const heard = new Heard({ hearing, mailbox, sender: request.sender, limits, nowMs });
  const outcomes = decide(recipient, request, { limits, heard, nowMs });
  const sizeOf = (outcome: DeliverOutcome) =>
    request.envelopes.reduce((sum, { frame }, i) => sum + (outcomes[i] === outcome ? frame.length : 0), 0);
  // A sender who is not heard must not learn that there is room where others learn that the memory is full.
  if (!store.hasRoom(sizeOf('stored') + sizeOf('unheard'))) {
    throw new EngineUnavailable('the memory engine is full: confirm what waits, or run with RELAY_REDIS_URL');
  }
  const tag = randomInt(TAG_VALUES);
  const ids = new Map<number, MailboxId>();
  for (const [index, envelope] of request.envelopes.entries()) {
    if (outcomes[index] !== 'stored') continue;
    // A copy: the caller's buffer may be a slice of something larger, or about to be reused.
    const frame = Buffer.from(envelope.frame);
    const entry = { frame, sender: request.sender };
    const { id, prev } = store.change(recipient, () => mailbox.append(entry, Math.floor(nowMs * 1000), tag));
    ids.set(index, id);
    const wakeUp: WakeUp = { id, prev, frame };
    listeners.wake(request.recipient, wakeUp);
  }
  heard.keep((index) => ids.get(index) ?? MAILBOX_START);
  const taken = request.envelopes.filter((_, i) => outcomes[i] === 'stored' || outcomes[i] === 'unheard');
  remember(recipient, request.sender, taken, nowMs);
  raiseFence(recipient, request, outcomes, nowMs);
  store.perishable.add(recipient);
  if (ids.size > 0) noteAway(recipient);
  return outcomes;
}

/** The outcomes that the fence decides without looking at the envelopes; null if the batch is new. */
function answerFromFence(
  recipient: UserRecord,
  request: DeliverRequest,
  nowMs: number,
): readonly DeliverOutcome[] | null {
  const fence = recipient.fences.get(request.sender);
  if (fence === undefined || fence.expiresAtMs <= nowMs) return null;
  const age = request.epoch - fence.epoch || request.number - fence.number;
  if (age > 0) return null;
  // Equal: the same batch again (its answer was lost), so the same outcomes. Lower: it comes too late.
  const same = age === 0 && fence.outcomes.length === request.envelopes.length;
  return same ? fence.outcomes : request.envelopes.map(() => 'stale');
}

function raiseFence(
  recipient: UserRecord,
  request: DeliverRequest,
  outcomes: readonly DeliverOutcome[],
  nowMs: number,
): void {
  const { sender, epoch, number } = request;
  recipient.fences.set(sender, { epoch, number, outcomes, expiresAtMs: nowMs + FENCE_TTL_MS });
}

/** Decides for each envelope, in order, as if those before it had been stored; writes nothing. */
function decide(
  recipient: UserRecord,
  request: DeliverRequest,
  { limits, heard, nowMs }: { readonly limits: EngineLimits; readonly heard: Heard; readonly nowMs: number },
): DeliverOutcome[] {
  let waiting = recipient.mailbox.size;
  let bytes = recipient.mailbox.bytes;
  const share = shareOf(limits);
  const own = { ...recipient.mailbox.shareOf(request.sender) };
  const shared = limits.mailboxSharePercent < 100;
  const inThisBatch = new Map<string, string>();
  return request.envelopes.map((envelope, index) => {
    const { frame, dedupe } = envelope;
    const note = () => {
      if (dedupe !== null) inThisBatch.set(seenKey(request.sender, dedupe.id), dedupe.digest);
    };
    const store = () => {
      waiting += 1;
      bytes += frame.length;
      own.envelopes += 1;
      own.bytes += frame.length;
      note();
      return 'stored' as const;
    };
    if (dedupe !== null) {
      const key = seenKey(request.sender, dedupe.id);
      const digest = inThisBatch.get(key) ?? recipient.seen.digestOf(key, nowMs);
      if (digest !== undefined) return digest === dedupe.digest ? 'repeated' : 'id_conflict';
    }
    if (heard.ask(index, envelope)) return store();
    const { room } = heard;
    if (waiting + 1 > room.envelopes || bytes + frame.length > room.bytes) return 'mailbox_full';
    if (heard.why !== null) {
      const outcome = heard.drop(frame.length);
      if (outcome === 'unheard') note();
      return outcome;
    }
    const shareIsFull = own.envelopes + 1 > share.envelopes || own.bytes + frame.length > share.bytes;
    if (shared && own.envelopes > 0 && shareIsFull) return 'share_full';
    return store();
  });
}

function remember(recipient: UserRecord, sender: string, taken: readonly Envelope[], nowMs: number): void {
  const entries = taken.flatMap(({ dedupe }) =>
    dedupe === null ? [] : [[seenKey(sender, dedupe.id), dedupe.digest] as const],
  );
  if (entries.length > 0) recipient.seen.add(entries, nowMs);
}

function seenKey(sender: string, id: string): string {
  return `${sender}:${id}`;
}
