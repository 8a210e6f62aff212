import { randomBytes } from 'node:crypto';
import type { EngineObserver } from '../../observer.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Conditions } from '../cluster/conditions.ts';
import { mayPass } from '../cluster/refusals.ts';
import type { Router } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import { slotOf } from '../cluster/slots.ts';
import { RedisError } from '../connection/reply.ts';
import { isProbeChannel, probeChannel } from '../schema.ts';
import type { Scripts } from '../scripts.ts';
import type { Timings } from '../timings.ts';

export interface ProberOptions {
  readonly router: Router;
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly nodeId: string;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  readonly conditions: Conditions;
  /** Wake-ups of this shard do not arrive any more. */
  readonly onSilent: (shard: Shard) => void;
  /** They arrive again. */
  readonly onRecovered: (shard: Shard) => void;
}

/** Whether the last probe of a shard came back; `unknown` before the first, and while probes cannot be sent. */
export type SubscriptionState = 'unknown' | 'ok' | 'silent';

interface State {
  subscription: SubscriptionState;
  /** Number in the name of the channel, chosen so that its slot belongs to this shard. */
  number: number;
  subscribed: string | null;
  /** The probe in flight. */
  awaited: { readonly nonce: string; readonly received: () => void } | null;
  resubscribedMs: number;
  /** Since when a probe could not be sent for lack of a subscriber; null: there is one. */
  withoutSubscriberSinceMs: number | null;
}

/** Of 16,384 slots even a shard with a handful is found long before. */
const TRIES_MAX = 100_000;

/**
 * Sends each shard a message the way of a wake-up and expects it back: a connection that is alive while its
 * subscriptions are dead looks healthy to every other check.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #states = new Map<Shard, State>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#probeAll(), options.timings.probeEveryMs).unref();
  }

  subscription(shard: Shard): SubscriptionState {
    return this.#states.get(shard)?.subscription ?? 'unknown';
  }

  /** @returns whether the message was a probe, of any node */
  receive(shard: Shard, channel: Buffer, payload: Buffer): boolean {
    if (!isProbeChannel(channel)) return false;
    const awaited = this.#states.get(shard)?.awaited;
    if (awaited?.nonce === payload.toString('latin1')) awaited.received();
    return true;
  }

  /** The shard's subscriber has a new connection: subscribes the probe's channel again, and probes at once. */
  resubscribed(shard: Shard): void {
    this.#stateOf(shard).subscribed = null;
    void this.probe(shard);
  }

  /** Slots of the shard have moved away; it still has the subscriptions `kept`. */
  dropped(shard: Shard, kept: ReadonlySet<string>): void {
    const state = this.#stateOf(shard);
    if (state.subscribed !== null && !kept.has(state.subscribed)) state.subscribed = null;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #probeAll(): void {
    const shards = new Set(this.#options.router.shards);
    for (const shard of this.#states.keys()) if (!shards.has(shard)) this.#states.delete(shard);
    for (const shard of shards) void this.probe(shard);
  }

  /** Now, not only when the next probe is due. Never rejects. */
  async probe(shard: Shard): Promise<void> {
    const state = this.#stateOf(shard);
    // Without a connection for commands a probe tells nothing; the shard itself reports that it is down.
    if (state.awaited !== null || !shard.ready) return;
    const { observer, timings } = this.#options;
    const startedMs = performance.now();
    if (!shard.subscriber.ready) {
      // It is usually back in a moment.
      state.withoutSubscriberSinceMs ??= startedMs;
      if (startedMs - state.withoutSubscriberSinceMs >= timings.probePatienceMs) this.#lost(shard, state);
      return;
    }
    state.withoutSubscriberSinceMs = null;
    const result = await this.#roundTrip(shard, state);
    if (result === 'refused') {
      // Nothing was published, so nothing is known about the subscription; the failed call reports its reason.
      state.subscription = 'unknown';
      return;
    }
    if (result === 'back') {
      observer.probed(shard.name, performance.now() - startedMs);
      if (state.subscription === 'silent') {
        observer.log('info', 'wake-ups come again', { shard: shard.name });
        this.#options.onRecovered(shard);
      }
      state.subscription = 'ok';
      return;
    }
    if (!shard.ready || !shard.subscriber.ready) return;
    this.#lost(shard, state);
    if (performance.now() - state.resubscribedMs < timings.resubscribeEveryMs) return;
    state.resubscribedMs = performance.now();
    shard.subscriber.connection?.destroy('its probe did not come back');
  }

  #lost(shard: Shard, state: State): void {
    const { observer, onSilent } = this.#options;
    observer.probeLost(shard.name);
    if (state.subscription === 'silent') return;
    observer.log('error', 'wake-ups do not come back: reading mailboxes instead', { shard: shard.name });
    state.subscription = 'silent';
    onSilent(shard);
  }

  async #roundTrip(shard: Shard, state: State): Promise<'back' | 'lost' | 'refused'> {
    const { calls, scripts, timings } = this.#options;
    const nonce = randomBytes(8).toString('hex');
    let timer: NodeJS.Timeout | undefined;
    const outcome = new Promise<'back' | 'lost'>((resolve) => {
      state.awaited = { nonce, received: () => resolve('back') };
      timer = setTimeout(() => resolve('lost'), timings.probePatienceMs).unref();
    });
    try {
      const channel = await this.#subscribe(shard, state);
      const sentMs = performance.now();
      const time = await calls.run({ script: scripts.probe, key: channel, args: () => [nonce] });
      shard.clock.observe(Number(time), sentMs, performance.now());
      return await outcome;
    } catch {
      return 'refused';
    } finally {
      clearTimeout(timer);
      state.awaited = null;
    }
  }

  async #subscribe(shard: Shard, state: State): Promise<string> {
    const { router, nodeId } = this.#options;
    // Slots move: the slot of the name must be this shard's, or the probe would test another shard.
    for (let tries = 0; router.shardOf(slotOf(probeChannel(state.number, nodeId))) !== shard; tries += 1) {
      if (tries > TRIES_MAX) throw new Error(`${shard.name} has no slots any more`);
      state.number += 1;
    }
    const channel = probeChannel(state.number, nodeId);
    if (state.subscribed !== channel) {
      await shard.subscriber.subscribe(channel).catch((error: unknown) => {
        if (error instanceof RedisError && !mayPass(error))
          this.#options.conditions.refused({ shard: shard.name, verb: 'subscribe', reason: error.message });
        throw error;
      });
      state.subscribed = channel;
    }
    return channel;
  }

  #stateOf(shard: Shard): State {
    let state = this.#states.get(shard);
    if (state === undefined) {
      state = {
        subscription: 'unknown',
        number: 0,
        subscribed: null,
        awaited: null,
        resubscribedMs: 0,
        withoutSubscriberSinceMs: null,
      };
      this.#states.set(shard, state);
    }
    return state;
  }
}
