import { FENCE_TTL_MS, shareOf } from '../bounds.ts';
import type { DeliverOutcome, DeliverRequest, EngineLimits, Envelope } from '../engine.ts';
import type { Heard } from './hearing.ts';
import type { UserRecord } from './users.ts';

/** The outcomes that the fence decides without looking at the envelopes; null if the batch is new. */
export function answerFromFence(
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

export function raiseFence(
  recipient: UserRecord,
  request: DeliverRequest,
  outcomes: readonly DeliverOutcome[],
  nowMs: number,
): void {
  const { sender, epoch, number } = request;
  recipient.fences.set(sender, { epoch, number, outcomes, expiresAtMs: nowMs + FENCE_TTL_MS });
}

/** Decides for each envelope, in order, as if those before it had been stored; writes nothing. */
export function decide(
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

export function remember(
  recipient: UserRecord,
  sender: string,
  taken: readonly Envelope[],
  nowMs: number,
): void {
  const entries = taken.flatMap(({ dedupe }) =>
    dedupe === null ? [] : [[seenKey(sender, dedupe.id), dedupe.digest] as const],
  );
  if (entries.length > 0) recipient.seen.add(entries, nowMs);
}

function seenKey(sender: string, id: string): string {
  return `${sender}:${id}`;
}
