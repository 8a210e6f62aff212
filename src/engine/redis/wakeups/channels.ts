import { EngineUnavailable, type MailboxListener, type Subscription } from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import type { Conditions } from '../cluster/conditions.ts';
import { mayPass } from '../cluster/refusals.ts';
import { type Router, redirection } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import { RedisError } from '../connection/reply.ts';
import { codeOfInbox, inboxKey } from '../schema.ts';
import type { Timings } from '../timings.ts';
import { type Channel, cancel, type Entry, makeChannel, takeWaiters } from './channel.ts';
import { TimingWheel } from './timing-wheel.ts';
import { parseMessage } from './wake-up.ts';

export interface ChannelsOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  readonly conditions: Conditions;
  /** Whether the wake-ups of a shard are known not to arrive. */
  readonly isSilent: (shard: Shard) => boolean;
}

const ATTEMPTS_MAX = 5;
/** A listener renews on a symptom that may have other causes: at most once in this time. */
const RENEW_MIN_MS = 1_000;

/** The listeners of each mailbox: one subscription per channel, however many listeners. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #byCode = new Map<string, Channel>();
  readonly #polls = new TimingWheel<Channel>((channel) => this.#poll(channel));
  readonly #reclaims = new TimingWheel<Channel>((channel) => this.#reclaim(channel));
  readonly #retries = new TimingWheel<Channel>((channel) => this.#settle(channel));
  #closed: EngineUnavailable | null = null;

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  /** @throws EngineUnavailable if the server does not acknowledge */
  async subscribe(code: string, listener: MailboxListener): Promise<Subscription> {
    if (this.#closed !== null) throw this.#closed;
    const channel = this.#byCode.get(code) ?? this.#create(code);
    const subscription = new ChannelSubscription(this, channel, listener);
    channel.listeners = [...channel.listeners, subscription];
    if (channel.on === null) {
      const acknowledged = new Promise<void>((resolve, reject) => {
        channel.waiters ??= [];
        channel.waiters.push({ resolve, reject });
      });
      this.#settle(channel);
      await acknowledged.catch((error: Error) => {
        this.remove(channel, subscription);
        throw error;
      });
    }
    return subscription;
  }

  /** Passes a message of a mailbox channel to its listeners. */
  receive(name: Buffer, payload: Buffer): void {
    const channel = this.#byCode.get(codeOfInbox(name.toString('latin1')));
    if (channel === undefined) return;
    const message = parseMessage(payload);
    if (message === null) {
      this.#options.observer.unexpectedMessage();
      return;
    }
    for (const { listener } of channel.listeners) {
      if (message.kind === 'wake-up') listener.onWakeUp(message.wakeUp);
      else listener.onClaimed(message.token);
    }
  }

  /** The shard's subscriber has a new connection: subscribes its channels again. */
  resubscribe(shard: Shard): void {
    for (const channel of this.#of(shard)) this.#settle(channel);
  }

  /** The shard's subscriber has lost its connection, and with it every subscription. */
  lost(shard: Shard): void {
    for (const channel of this.#byCode.values()) if (channel.on === shard) channel.on = null;
  }

  /** Slots of the shard have moved away, and their subscriptions have ended; those in `kept` have not. */
  dropped(shard: Shard, kept: ReadonlySet<string>): void {
    for (const channel of this.#byCode.values()) {
      if (channel.on !== shard || kept.has(inboxKey(channel.code))) continue;
      // Subscribing meets MOVED, and follows it.
      channel.on = null;
      this.#settle(channel);
    }
  }

  /** Slots have moved: their channels follow, and their sessions check that the new master knows them. */
  follow(): void {
    for (const channel of this.#byCode.values()) {
      const shard = this.#options.router.shardOf(channel.slot);
      if (channel.on === shard) continue;
      this.#settle(channel);
      if (shard?.ready === true) this.#reclaimSoon(channel);
    }
  }

  /** The shard may have forgotten sessions: after a reconnect, or as a new master. */
  reclaim(shard: Shard): void {
    for (const channel of this.#of(shard)) this.#reclaimSoon(channel);
  }

  /** Wake-ups of this shard do not arrive, or did not: polls its mailboxes within `withinMs`. */
  poll(shard: Shard, withinMs: number): void {
    for (const channel of this.#of(shard)) this.#pollIn(channel, Math.random() * withinMs);
  }

  /** For `ChannelSubscription`. Subscribing again is harmless if the subscription is still there. */
  renew(channel: Channel): void {
    channel.on = null;
    this.#settle(channel);
  }

  /** For `ChannelSubscription`. */
  remove(channel: Channel, entry: Entry): void {
    if (!channel.listeners.includes(entry)) return;
    channel.listeners = channel.listeners.filter((each) => each !== entry);
    if (channel.listeners.length > 0 || channel.lingering) return;
    channel.lingering = true;
    setTimeout(() => {
      channel.lingering = false;
      this.#settle(channel);
    }, this.#options.timings.lingerMs).unref();
  }

  close(reason: EngineUnavailable): void {
    this.#closed = reason;
    for (const wheel of [this.#polls, this.#reclaims, this.#retries]) wheel.stop();
    for (const channel of this.#byCode.values()) {
      channel.listeners = [];
      for (const { reject } of takeWaiters(channel)) reject(reason);
    }
    this.#byCode.clear();
  }

  #create(code: string): Channel {
    const channel = makeChannel(code);
    this.#byCode.set(code, channel);
    this.#options.observer.subscriptions(this.#byCode.size);
    this.#pollLater(channel);
    return channel;
  }

  *#of(shard: Shard): Iterable<Channel> {
    for (const channel of this.#byCode.values()) {
      if (this.#options.router.shardOf(channel.slot) === shard) yield channel;
    }
  }

  #settle(channel: Channel): void {
    if (channel.settling || this.#closed !== null) return;
    channel.settling = true;
    void this.#steps(channel);
  }

  /** Step by step to the state that is wanted, which may change meanwhile. */
  async #steps(channel: Channel): Promise<void> {
    try {
      await this.#walk(channel);
    } finally {
      // Reset in the same tick as the last check of what is wanted, so that a later caller restarts the loop.
      channel.settling = false;
    }
  }

  async #walk(channel: Channel): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX && this.#closed === null; attempt += 1) {
      const wanted = channel.listeners.length > 0 || channel.lingering;
      const shard = wanted ? this.#options.router.shardOf(channel.slot) : undefined;
      if (channel.on !== null && channel.on === shard) return;
      if (channel.on !== null) {
        const from = channel.on;
        channel.on = null;
        await from.subscriber.unsubscribe(inboxKey(channel.code)).catch(() => {
          // The connection is gone, and the subscription with it.
        });
      } else if (!wanted) {
        this.#forget(channel);
        return;
      } else {
        const goOn = await this.#subscribe(channel, shard);
        if (!goOn) return;
      }
    }
    this.#giveUp(channel, 'the slot of this mailbox is moving');
  }

  /** Rejects those that wait, and retries in a while for the listeners that stay. */
  #giveUp(channel: Channel, reason: string): void {
    for (const { reject } of takeWaiters(channel)) reject(new EngineUnavailable(reason));
    this.#retries.schedule(channel, this.#options.timings.spreadMs * (1 + Math.random()));
  }

  /** Returns whether to check again what is wanted. Otherwise the shard's next subscriber connection will. */
  async #subscribe(channel: Channel, shard: Shard | undefined): Promise<boolean> {
    try {
      if (shard === undefined) throw new EngineUnavailable('no Redis server has the slot of this mailbox');
      await shard.subscriber.subscribe(inboxKey(channel.code));
      this.#options.conditions.worked(shard.name, 'subscribe');
      channel.on = shard;
      for (const { resolve } of takeWaiters(channel)) resolve();
      if (channel.wasOn) this.#pollIn(channel, Math.random() * this.#options.timings.spreadMs);
      channel.wasOn = true;
      return true;
    } catch (error) {
      if (shard !== undefined && error instanceof RedisError && error.kind === 'MOVED') {
        this.#options.router.moved(channel.slot, redirection(error, shard));
        return true;
      }
      const reason = error instanceof Error ? error.message : String(error);
      if (shard !== undefined && error instanceof RedisError && !mayPass(error))
        this.#options.conditions.refused({ shard: shard.name, verb: 'subscribe', reason });
      this.#giveUp(channel, reason);
      return false;
    }
  }

  #forget(channel: Channel): void {
    cancel(channel.poll);
    cancel(channel.reclaim);
    // Not a newer channel of the same user: a retry of this one may still have been due.
    if (this.#byCode.get(channel.code) === channel) this.#byCode.delete(channel.code);
    this.#options.observer.subscriptions(this.#byCode.size);
  }

  #reclaimSoon(channel: Channel): void {
    const delayMs = Math.random() * this.#options.timings.spreadMs;
    cancel(channel.reclaim);
    channel.reclaim = this.#reclaims.schedule(channel, delayMs);
  }

  #pollLater(channel: Channel): void {
    const { timings, router, isSilent } = this.#options;
    const shard = router.shardOf(channel.slot);
    const [everyMs, jitter] =
      shard !== undefined && isSilent(shard) ? [timings.silentPollEveryMs, 0.5] : [timings.pollEveryMs, 0.25];
    this.#pollIn(channel, everyMs * (1 - jitter * Math.random()));
  }

  #pollIn(channel: Channel, delayMs: number): void {
    cancel(channel.poll);
    channel.poll = this.#polls.schedule(channel, delayMs);
  }

  #poll(channel: Channel): void {
    for (const { listener } of channel.listeners) listener.onPoll();
    this.#pollLater(channel);
    // A backstop for the subscription itself too, should a step above have been missed.
    if (channel.on === null) this.#settle(channel);
  }

  #reclaim(channel: Channel): void {
    channel.reclaim = null;
    for (const { listener } of channel.listeners) listener.onReclaim();
  }
}

class ChannelSubscription implements Subscription, Entry {
  listener: MailboxListener;
  readonly #channels: Channels;
  readonly #channel: Channel;
  #renewedMs = 0;

  constructor(channels: Channels, channel: Channel, listener: MailboxListener) {
    this.listener = listener;
    this.#channels = channels;
    this.#channel = channel;
  }

  handTo(listener: MailboxListener): void {
    this.listener = listener;
  }

  renew(): void {
    if (!this.#channel.listeners.includes(this)) return;
    if (performance.now() - this.#renewedMs < RENEW_MIN_MS) return;
    this.#renewedMs = performance.now();
    this.#channels.renew(this.#channel);
  }

  unsubscribe(): void {
    this.#channels.remove(this.#channel, this);
  }
}
