import type { FrameErrorCode } from '../../protocol/errors.ts';
import { ClientError, type ClientErrorCode } from '../errors.ts';

/** Why an envelope waits: the recipient's mailbox (or our share of it) is full, we are too fast, or the store is away. */
export type WaitReason = Extract<FrameErrorCode, 'mailbox_full' | 'rate_limited' | 'unavailable'>;

/** The relay's reply about one envelope that we sent. */
export type Outcome =
  /** `result`: of a command. */
  | { readonly outcome: 'accepted'; readonly id: string; readonly result: Readonly<Record<string, unknown>> }
  /** Not stored, or not known to be: send the same bytes again, not before `waitMs`. */
  | {
      readonly outcome: 'again';
      readonly id: string;
      readonly why: WaitReason;
      readonly waitMs: number | null;
    }
  | { readonly outcome: 'refused'; readonly id: string; readonly error: ClientError };

/** A hostile relay must not delay an envelope for years. */
const LONGEST_WAIT_MS = 60_000;
/** A connected recipient makes room within milliseconds; the outbox waits longer after each further refusal. */
const FULL_WAIT_MS = 200;

/** Null if the reply is not about an envelope. */
export function outcomeOf(type: string, payload: Readonly<Record<string, unknown>>): Outcome | null {
  const { id, code, detail, retry_after_ms: retryAfterMs } = payload;
  if (typeof id !== 'string') return null;
  if (type === 'accepted') {
    return { outcome: 'accepted', id, result: { ...(payload.result as object | undefined) } };
  }
  if (type !== 'error' || typeof code !== 'string') return null;
  switch (code as FrameErrorCode) {
    case 'unavailable':
      return { outcome: 'again', id, why: 'unavailable', waitMs: null };
    case 'mailbox_full':
      return { outcome: 'again', id, why: 'mailbox_full', waitMs: FULL_WAIT_MS };
    case 'rate_limited': {
      const waitMs = typeof retryAfterMs === 'number' ? Math.max(0, retryAfterMs) : 0;
      return { outcome: 'again', id, why: 'rate_limited', waitMs: Math.min(waitMs, LONGEST_WAIT_MS) };
    }
    default:
      return {
        outcome: 'refused',
        id,
        error: new ClientError(errorCode(code as FrameErrorCode), String(detail)),
      };
  }
}

function errorCode(code: FrameErrorCode): ClientErrorCode {
  if (code === 'recipient_unknown') return 'user_unknown';
  return code === 'too_large' ? 'too_large' : 'refused';
}
