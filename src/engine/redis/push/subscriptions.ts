import { createHash } from 'node:crypto';
import type { SessionKey } from '../../engine.ts';
import type { PushSubscription, SubscriptionResult, Subscriptions } from '../../verbs/subscriptions.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Store } from '../mailbox/store.ts';
import { pushKey } from '../schema.ts';
import type { ScriptName, Scripts } from '../scripts.ts';

export interface RedisSubscriptionsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly store: Store;
}

const ID_DIGITS = 16;

/** See `Subscriptions`. */
export class RedisSubscriptions implements Subscriptions {
  readonly #options: RedisSubscriptionsOptions;

  constructor(options: RedisSubscriptionsOptions) {
    this.#options = options;
  }

  add(session: SessionKey, { endpoint, p256dh, auth }: PushSubscription): Promise<SubscriptionResult> {
    return this.#change('push/subscribe', session, [idOf(endpoint), `${endpoint} ${p256dh} ${auth}`]);
  }

  remove(session: SessionKey, endpoint: string): Promise<SubscriptionResult> {
    return this.#change('push/unsubscribe', session, [idOf(endpoint)]);
  }

  async drop(code: string, endpoint: string): Promise<void> {
    const key = pushKey(code);
    await this.#options.calls.command('drop-subscription', key, ['HDEL', key, idOf(endpoint)]);
  }

  async #change(
    verb: Extract<ScriptName, `push/${string}`>,
    session: SessionKey,
    args: readonly string[],
  ): Promise<SubscriptionResult> {
    const { scripts, store } = this.#options;
    const ran = await store.runHeld(scripts[verb], session, () => args);
    return 'lost' in ran ? ran.lost : 'done';
  }
}

function idOf(endpoint: string): string {
  return createHash('sha256').update(endpoint).digest('hex').slice(0, ID_DIGITS);
}
