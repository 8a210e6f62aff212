import type { SessionKey, SessionState } from '../session.ts';

/**
 * Where a user is pushed to while away (RFC 8030): at most `SUBSCRIPTIONS_MAX` for one user; one more displaces the one
 * that was not renewed for longest. All of them are forgotten `SUBSCRIPTION_TTL_MS` after the last was renewed, and
 * with the account. `Announcement` names them.
 */
export interface Subscriptions {
  /** Adds a subscription, or renews the one of the same endpoint. */
  add(session: SessionKey, subscription: PushSubscription): Promise<SubscriptionResult>;
  remove(session: SessionKey, endpoint: string): Promise<SubscriptionResult>;
  /** The push service does not know it any more. */
  drop(code: string, endpoint: string): Promise<void>;
}

/** As browsers give it (https://www.w3.org/TR/push-api/), and UnifiedPush. None of its parts contains a space. */
export interface PushSubscription {
  readonly endpoint: string;
  /** Of the browser: an uncompressed point of P-256, base64url. */
  readonly p256dh: string;
  /** 16 bytes, base64url. */
  readonly auth: string;
}

export type SubscriptionResult = 'done' | Exclude<SessionState, 'held'>;
