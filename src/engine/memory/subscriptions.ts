import { SUBSCRIPTION_TTL_MS, SUBSCRIPTIONS_MAX } from '../bounds.ts';
import type { SessionKey, SessionState } from '../engine.ts';
import type { PushSubscription, SubscriptionResult, Subscriptions } from '../verbs/subscriptions.ts';
import type { UserRecord } from './users.ts';

export interface MemorySubscriptionsOptions {
  /** The user of a session that holds, or why it does not. */
  readonly held: (session: SessionKey) => UserRecord | Exclude<SessionState, 'held'>;
  readonly find: (code: string) => UserRecord | undefined;
  readonly now: () => number;
}

export class MemorySubscriptions implements Subscriptions {
  readonly #options: MemorySubscriptionsOptions;

  constructor(options: MemorySubscriptionsOptions) {
    this.#options = options;
  }

  async add(session: SessionKey, subscription: PushSubscription): Promise<SubscriptionResult> {
    const { held, now } = this.#options;
    const user = held(session);
    if (typeof user === 'string') return user;
    const { subscriptions } = user;
    // The order of a map is the order of renewing.
    subscriptions.delete(subscription.endpoint);
    subscriptions.set(subscription.endpoint, subscription);
    const [oldest] = subscriptions.keys();
    if (subscriptions.size > SUBSCRIPTIONS_MAX && oldest !== undefined) subscriptions.delete(oldest);
    user.subscribedUntilMs = now() + SUBSCRIPTION_TTL_MS;
    return 'done';
  }

  async remove(session: SessionKey, endpoint: string): Promise<SubscriptionResult> {
    const user = this.#options.held(session);
    if (typeof user === 'string') return user;
    user.subscriptions.delete(endpoint);
    return 'done';
  }

  async drop(code: string, endpoint: string): Promise<void> {
    this.#options.find(code)?.subscriptions.delete(endpoint);
  }
}
