import { EngineUnavailable, type MailboxListener, type Subscription } from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import { type Router, redirection } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import { RedisError } from '../connection/reply.ts';
import { inboxKey } from '../mailbox/store.ts';
import type { Timings } from '../timings.ts';
import { type Channel, cancel, codeOf, type Entry, makeChannel, takeWaiters } from './channel.ts';
import { TimingWheel } from './timing-wheel.ts';
import { parseMessage } from './wake-up.ts';

export interface ChannelsOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  /** Whether a shard's wake-ups are known not to come. */
  readonly isDeaf: (shard: Shard) => boolean;
}

const ATTEMPTS_MAX = 5;
/** Renewing answers to a symptom, which may have another cause: not more than once per channel in this time. */
const RENEW_MIN_MS = 1_000;

/** Who listens to which mailbox: one subscription per channel, however many listeners. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #byCode = new Map<string, Channel>();
  readonly #looks = new TimingWheel<Channel>((channel) => this.#look(channel));
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
    const listening = new Listening(this, channel, listener);
    channel.listeners = [...channel.listeners, listening];
    if (channel.on === null) {
      const acknowledged = new Promise<void>((resolve, reject) => {
        channel.waiters ??= [];
        channel.waiters.push({ resolve, reject });
      });
      this.#settle(channel);
      await acknowledged.catch((error: Error) => {
        this.remove(channel, listening);
        throw error;
      });
    }
    return listening;
  }

  /** A message of a mailbox channel. */
  hear(name: Buffer, payload: Buffer): void {
    const channel = this.#byCode.get(codeOf(name.toString('latin1')));
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

  /** The shard's subscriber is new: nothing is subscribed there yet. */
  resubscribe(shard: Shard): void {
    for (const channel of this.#of(shard)) this.#settle(channel);
  }

  /** The shard's subscriber is gone, and with it every subscription. */
  lost(shard: Shard): void {
    for (const channel of this.#byCode.values()) if (channel.on === shard) channel.on = null;
  }

  /** Slots have moved: their channels follow, and their sessions make sure that the new master knows them. */
  follow(): void {
    for (const channel of this.#byCode.values()) {
      const shard = this.#options.router.shardOf(channel.slot);
      if (channel.on === shard) continue;
      this.#settle(channel);
      if (shard?.ready === true) this.#reclaimSoon(channel);
    }
  }

  /** The shard may have forgotten what it knew: after a reconnect, or as a new master. */
  reclaim(shard: Shard): void {
    for (const channel of this.#of(shard)) this.#reclaimSoon(channel);
  }

  /** Wake-ups of this shard do not come, or did not: look into its mailboxes within `withinMs`. */
  look(shard: Shard, withinMs: number): void {
    for (const channel of this.#of(shard)) this.#lookIn(channel, Math.random() * withinMs);
  }

  /** For `Listening`: what the server believes is not trusted; subscribing again is harmless where it still stands. */
  renew(channel: Channel): void {
    channel.on = null;
    this.#settle(channel);
  }

  /** For `Listening`. */
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

  get observer(): EngineObserver {
    return this.#options.observer;
  }

  close(reason: EngineUnavailable): void {
    this.#closed = reason;
    for (const wheel of [this.#looks, this.#reclaims, this.#retries]) wheel.stop();
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
    this.#lookLater(channel);
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

  /** Step by step to what is wanted now, which may change meanwhile. */
  async #steps(channel: Channel): Promise<void> {
    try {
      await this.#walk(channel);
    } finally {
      // In the same turn as the last look at what is wanted: who comes later finds it false, and starts anew.
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

  /** For now: those who wait are told, and it is tried again in a while for those who stay. */
  #giveUp(channel: Channel, reason: string): void {
    for (const { reject } of takeWaiters(channel)) reject(new EngineUnavailable(reason));
    this.#retries.schedule(channel, this.#options.timings.spreadMs * (1 + Math.random()));
  }

  /** Returns whether to look again at what is wanted. Otherwise the shard's next subscriber will ask again. */
  async #subscribe(channel: Channel, shard: Shard | undefined): Promise<boolean> {
    try {
      if (shard === undefined) throw new EngineUnavailable('no Redis server has the slot of this mailbox');
      await shard.subscriber.subscribe(inboxKey(channel.code));
      channel.on = shard;
      for (const { resolve } of takeWaiters(channel)) resolve();
      if (channel.wasOn) this.#lookIn(channel, Math.random() * this.#options.timings.spreadMs);
      channel.wasOn = true;
      return true;
    } catch (error) {
      if (shard !== undefined && error instanceof RedisError && error.kind === 'MOVED') {
        this.#options.router.moved(channel.slot, redirection(error, shard));
        return true;
      }
      this.#giveUp(channel, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  #forget(channel: Channel): void {
    cancel(channel.look);
    cancel(channel.reclaim);
    // Not a newer one of the same user: a retry may still be due for one that was forgotten before.
    if (this.#byCode.get(channel.code) === channel) this.#byCode.delete(channel.code);
    this.#options.observer.subscriptions(this.#byCode.size);
  }

  #reclaimSoon(channel: Channel): void {
    const delayMs = Math.random() * this.#options.timings.spreadMs;
    cancel(channel.reclaim);
    channel.reclaim = this.#reclaims.schedule(channel, delayMs);
  }

  #lookLater(channel: Channel): void {
    const { timings, router, isDeaf } = this.#options;
    const shard = router.shardOf(channel.slot);
    const [everyMs, jitter] =
      shard !== undefined && isDeaf(shard) ? [timings.silentPollEveryMs, 0.5] : [timings.pollEveryMs, 0.25];
    this.#lookIn(channel, everyMs * (1 - jitter * Math.random()));
  }

  #lookIn(channel: Channel, delayMs: number): void {
    cancel(channel.look);
    channel.look = this.#looks.schedule(channel, delayMs);
  }

  #look(channel: Channel): void {
    for (const { listener } of channel.listeners) listener.onPoll();
    this.#lookLater(channel);
    // The backstop of the subscription itself too, should any step above have been missed.
    if (channel.on === null) this.#settle(channel);
  }

  #reclaim(channel: Channel): void {
    channel.reclaim = null;
    for (const { listener } of channel.listeners) listener.onReclaim();
  }
}

/** One listener's hold on a channel. */
class Listening implements Subscription, Entry {
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
    this.#channels.observer.wakeUpLost();
    if (performance.now() - this.#renewedMs < RENEW_MIN_MS) return;
    this.#renewedMs = performance.now();
    this.#channels.renew(this.#channel);
  }

  unsubscribe(): void {
    this.#channels.remove(this.#channel, this);
  }
}
