import { randomBytes } from 'node:crypto';
import type { EngineObserver } from '../../observer.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Router } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import { slotOf } from '../cluster/slots.ts';
import type { Scripts } from '../scripts.ts';
import type { Timings } from '../timings.ts';

export interface ProberOptions {
  readonly router: Router;
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly nodeId: string;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  /** Wake-ups of this shard do not come any more. */
  readonly onSilent: (shard: Shard) => void;
  /** They come again. */
  readonly onRecovered: (shard: Shard) => void;
}

export type SubscriptionState = 'unknown' | 'heard' | 'deaf';

interface State {
  hearing: SubscriptionState;
  /** Number in the name of the channel, chosen so that its slot is this shard's. */
  number: number;
  subscribed: string | null;
  /** The probe that is out. */
  awaited: { readonly nonce: string; readonly heard: () => void } | null;
  resubscribedMs: number;
  /** Since when a probe could not even be sent for want of a subscriber; null: there is one. */
  unheardSinceMs: number | null;
}

const PREFIX = 'probe:';
/** Of 16,384 slots even a shard with a handful is hit long before. */
const TRIES_MAX = 100_000;

/**
 * Sends each shard a message by the way that wake-ups take, and expects it back: a connection that is alive while
 * its subscriptions are dead looks healthy to everybody else.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #states = new Map<Shard, State>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#probeAll(), options.timings.probeEveryMs).unref();
  }

  hearing(shard: Shard): SubscriptionState {
    return this.#states.get(shard)?.hearing ?? 'unknown';
  }

  /** @returns whether the message was a probe, whoever's */
  hear(shard: Shard, channel: Buffer, payload: Buffer): boolean {
    if (channel.toString('latin1', 0, PREFIX.length) !== PREFIX) return false;
    const awaited = this.#states.get(shard)?.awaited;
    if (awaited?.nonce === payload.toString('latin1')) awaited.heard();
    return true;
  }

  /** The shard's subscriber is new: the probe's channel has to be subscribed to again, and is tried at once. */
  resubscribed(shard: Shard): void {
    this.#stateOf(shard).subscribed = null;
    this.probe(shard);
  }

  /** Now, not only when its turn comes. */
  probe(shard: Shard): void {
    void this.#probe(shard);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #probeAll(): void {
    const shards = new Set(this.#options.router.shards);
    for (const shard of this.#states.keys()) if (!shards.has(shard)) this.#states.delete(shard);
    for (const shard of shards) void this.#probe(shard);
  }

  async #probe(shard: Shard): Promise<void> {
    const state = this.#stateOf(shard);
    // Without a way out there is nothing to learn; the shard says itself that it is down.
    if (state.awaited !== null || !shard.ready) return;
    const { observer, timings } = this.#options;
    const startedMs = performance.now();
    if (!shard.subscriber.ready) {
      // It is usually back in a moment.
      state.unheardSinceMs ??= startedMs;
      if (startedMs - state.unheardSinceMs >= timings.probePatienceMs) this.#lost(shard, state);
      return;
    }
    state.unheardSinceMs = null;
    const result = await this.#roundTrip(shard, state);
    if (result === 'refused') {
      // Nothing was published, so nothing is known of hearing; calls say by themselves what is wrong.
      state.hearing = 'unknown';
      return;
    }
    if (result === 'back') {
      observer.probed(shard.name, performance.now() - startedMs);
      if (state.hearing === 'deaf') {
        observer.log('info', 'wake-ups come again', { shard: shard.name });
        this.#options.onRecovered(shard);
      }
      state.hearing = 'heard';
      return;
    }
    if (!shard.ready || !shard.subscriber.ready) return;
    this.#lost(shard, state);
    if (performance.now() - state.resubscribedMs < timings.resubscribeEveryMs) return;
    state.resubscribedMs = performance.now();
    shard.subscriber.reset('its probe did not come back');
  }

  #lost(shard: Shard, state: State): void {
    const { observer, onSilent } = this.#options;
    observer.probeLost(shard.name);
    if (state.hearing === 'deaf') return;
    observer.log('error', 'wake-ups do not come back: reading mailboxes instead', { shard: shard.name });
    state.hearing = 'deaf';
    onSilent(shard);
  }

  async #roundTrip(shard: Shard, state: State): Promise<'back' | 'lost' | 'refused'> {
    const { calls, scripts, timings } = this.#options;
    const nonce = randomBytes(8).toString('hex');
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<'back' | 'lost'>((resolve) => {
      state.awaited = { nonce, heard: () => resolve('back') };
      timer = setTimeout(() => resolve('lost'), timings.probePatienceMs).unref();
    });
    try {
      const channel = await this.#subscribe(shard, state);
      const sentMs = performance.now();
      const time = await calls.run({ script: scripts.probe, keys: [channel], args: () => [nonce] });
      shard.clock.observe(Number(time), sentMs, performance.now());
      return await heard;
    } catch {
      return 'refused';
    } finally {
      clearTimeout(timer);
      state.awaited = null;
    }
  }

  async #subscribe(shard: Shard, state: State): Promise<string> {
    const { router, nodeId } = this.#options;
    // Slots move: the name must be one of this shard's, or the probe would test another.
    for (let tries = 0; router.shardOf(slotOf(channelName(state.number, nodeId))) !== shard; tries += 1) {
      if (tries > TRIES_MAX) throw new Error(`${shard.name} has no slots any more`);
      state.number += 1;
    }
    const channel = channelName(state.number, nodeId);
    if (state.subscribed !== channel) {
      await shard.subscriber.subscribe(channel);
      state.subscribed = channel;
    }
    return channel;
  }

  #stateOf(shard: Shard): State {
    let state = this.#states.get(shard);
    if (state === undefined) {
      state = {
        hearing: 'unknown',
        number: 0,
        subscribed: null,
        awaited: null,
        resubscribedMs: 0,
        unheardSinceMs: null,
      };
      this.#states.set(shard, state);
    }
    return state;
  }
}

/** The hash tag comes first, so that nothing in a node's name can be taken for one. */
function channelName(number: number, nodeId: string): string {
  return `${PREFIX}{${number}}:${nodeId}`;
}
