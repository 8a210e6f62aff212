import webPush from 'web-push';
import type { Announcement } from '../../engine/verbs/announcements.ts';
import type { PushSubscription } from '../../engine/verbs/subscriptions.ts';
import type { Logger } from '../../ops/log/log.ts';
import type { Metrics } from '../../ops/metrics/metrics.ts';
import { type PushServices, serviceOf } from '../context/push-services.ts';
import { BackOff } from './back-off.ts';
import { post, type Sent } from './post.ts';
import { type Attempt, WAKE_TIMINGS, type WakeTimings, type Way } from './waker.ts';

export interface WebPushOptions {
  readonly vapid: { readonly publicKey: string; readonly privateKey: string; readonly subject: string };
  readonly services: PushServices;
  /** How long a push service keeps a message for a device that is off. */
  readonly ttlS: number;
  /** The push service does not know a subscription any more. */
  readonly drop: (code: string, endpoint: string) => Promise<void>;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'pushes' | 'pushSeconds' | 'pushPaused'>;
  readonly timings?: WakeTimings;
}

/** At once, each with a few subscriptions. */
const USERS_MAX = 16;
/** All that a push service, or anybody who opens the message, learns. */
const PAYLOAD = JSON.stringify({ type: 'mailbox.waiting' });
/** RFC 8030, 5.4: of messages that a device has not got yet, only the newest is kept. */
const TOPIC = 'mailbox';
/** RFC 8030, 5.2. */
const TTL_MAX_S = 2_419_200;

/**
 * Wakes users by their own subscriptions: RFC 8030, encrypted by RFC 8291, signed by RFC 8292. A user is woken once one
 * of them was pushed to. A push service that fails pauses alone.
 */
export class WebPush implements Way {
  readonly max = USERS_MAX;
  readonly #options: WebPushOptions;
  readonly #timings: WakeTimings;
  /** By the entry of the list that allows a service, which bounds it. */
  readonly #backOffs = new Map<string, BackOff>();

  constructor(options: WebPushOptions) {
    this.#options = options;
    this.#timings = options.timings ?? WAKE_TIMINGS;
  }

  send(users: readonly Announcement[], signal: AbortSignal): Promise<readonly Attempt[]> {
    return Promise.all(users.map(async (user) => ({ user, againMs: await this.#wake(user, signal) })));
  }

  async #wake({ code, subscriptions }: Announcement, signal: AbortSignal): Promise<number | null> {
    const again = await Promise.all(subscriptions.map((each) => this.#push(code, each, signal)));
    const waits = again.flatMap((each) => (typeof each === 'number' ? [each] : []));
    return again.includes('sent') || waits.length === 0 ? null : Math.min(...waits);
  }

  /** A number: when to try again, ms. */
  async #push(code: string, subscription: PushSubscription, signal: AbortSignal): Promise<Again> {
    const { services, metrics } = this.#options;
    const url = new URL(subscription.endpoint);
    const service = serviceOf(url, services);
    // It was on the list when the client registered it.
    if (service === null) return this.#drop(code, subscription);
    const backOff = this.#backOffOf(service);
    if (backOff.pausedMs > 0) return backOff.pausedMs;
    const startedMs = performance.now();
    const sent = await this.#post(url, subscription, signal);
    metrics.pushSeconds.observe((performance.now() - startedMs) / 1000);
    metrics.pushes.of(sent.outcome).add();
    if (sent.outcome === 'failed') return signal.aborted ? 0 : this.#failed(service, sent);
    if (backOff.failing) this.#options.log.info('a push service takes messages again', { host: service });
    backOff.succeeded();
    this.#countPaused();
    if (sent.outcome === 'gone') return this.#drop(code, subscription);
    if (sent.outcome === 'sent') return 'sent';
    const { reason } = sent;
    this.#options.log.warn('a push service refuses a message', { host: service, reason });
    return this.#timings.refusedMs;
  }

  async #post(url: URL, subscription: PushSubscription, signal: AbortSignal): Promise<Sent> {
    const { vapid, ttlS, services } = this.#options;
    const { endpoint, p256dh, auth } = subscription;
    const keys = { endpoint, keys: { p256dh, auth } };
    const { headers, body } = webPush.generateRequestDetails(keys, PAYLOAD, {
      vapidDetails: vapid,
      TTL: Math.min(ttlS, TTL_MAX_S),
      topic: TOPIC,
      urgency: 'high',
      contentEncoding: 'aes128gcm',
    });
    const privateBy = services.allowPrivate ? null : 'RELAY_PUSH_PRIVATE';
    return post({ url, headers, body: body ?? '', privateBy }, signal);
  }

  async #drop(code: string, { endpoint }: PushSubscription): Promise<Again> {
    // If the store is away, the next message finds out again.
    await this.#options.drop(code, endpoint).catch(() => {});
    return 'dropped';
  }

  #failed(service: string, { reason, retryAfterMs }: Sent): number {
    const backOff = this.#backOffOf(service);
    if (!backOff.failing)
      this.#options.log.warn('a push service does not take messages', { host: service, reason });
    const pauseMs = backOff.failed(retryAfterMs);
    this.#countPaused();
    return pauseMs;
  }

  #backOffOf(service: string): BackOff {
    const known = this.#backOffs.get(service) ?? new BackOff(this.#timings);
    this.#backOffs.set(service, known);
    return known;
  }

  #countPaused(): void {
    const failing = [...this.#backOffs.values()].filter((backOff) => backOff.failing);
    this.#options.metrics.pushPaused.set(failing.length);
  }
}

type Again = number | 'sent' | 'dropped';
