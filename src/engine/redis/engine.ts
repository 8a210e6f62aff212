import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Account,
  type ClaimRequest,
  type ClaimResult,
  type DeadLetterReason,
  type DeliverOutcome,
  type DeliverRequest,
  type Engine,
  type EngineHealth,
  EngineMisconfigured,
  EngineUnavailable,
  type LeaveResult,
  type LiveNode,
  type MailboxId,
  type MailboxListener,
  type ReadRequest,
  type ReadResult,
  type RegisterResult,
  type Registration,
  type RotateResult,
  type SessionKey,
  type SessionState,
  type Subscription,
  type Unconfirmed,
} from '../engine.ts';
import { type EngineObserver, SILENT } from '../observer.ts';
import type { Announcements } from '../verbs/announcements.ts';
import type { Control } from '../verbs/control.ts';
import type { Invitations } from '../verbs/invitations.ts';
import type { Operators } from '../verbs/operators.ts';
import type { People } from '../verbs/people.ts';
import type { Prekeys } from '../verbs/prekeys.ts';
import type { Subscriptions } from '../verbs/subscriptions.ts';
import { discovery } from './cluster/discovery.ts';
import type { Shard, ShardEvents } from './cluster/shard.ts';
import { type Deployment, parseDeployment } from './connection/address.ts';
import { totalMaxMemory, usersDoNotFit } from './memory.ts';
import { assemble, type Parts, type RedisEngineOptions } from './parts.ts';
import { TIMINGS, type Timings } from './timings.ts';

/**
 * Users and mailboxes in Redis 7.0 or newer, or Valkey. See `Engine`, and schema.ts for the keys.
 * @throws Error if a URL is wrong
 */
export function createRedisEngine(options: RedisEngineOptions): Engine {
  return new RedisEngine(options);
}

const POLL_MS = 20;

/** Refusals that stay until an operator changes something, by the codes of Redis and the words of OpenSSL. */
const PERMANENT =
  /\b(WRONGPASS|NOAUTH|NOPERM)\b|self-signed certificate|unable to (verify|get)|does not match certificate/;

class RedisEngine implements Engine {
  readonly #options: RedisEngineOptions;
  readonly #deployment: Deployment;
  readonly #observer: EngineObserver;
  readonly #timings: Timings;
  #parts: Parts | null = null;

  constructor(options: RedisEngineOptions) {
    this.#options = options;
    this.#deployment = parseDeployment(options.urls);
    this.#observer = options.observer ?? SILENT;
    this.#timings = { ...TIMINGS, ...options.timings };
  }

  async start(): Promise<void> {
    try {
      const deployment = this.#deployment;
      const timings = this.#timings;
      const parts = assemble({
        discovery: await discovery(deployment, timings.commandTimeoutMs),
        deployment,
        options: this.#options,
        timings,
        observer: this.#observer,
        eventsOf: (shard) => this.#eventsOf(shard),
      });
      this.#parts = parts;
      await parts.router.start();
      await this.#untilReady(parts);
      this.#checkMemory(parts);
      parts.presence.start();
      parts.sampler.start();
      parts.sweeper.start();
    } catch (error) {
      await this.close();
      throw error instanceof Error && PERMANENT.test(error.message)
        ? new EngineMisconfigured(error.message)
        : error;
    }
  }

  #checkMemory({ router }: Parts): void {
    const bytes = totalMaxMemory(router.shards.map(({ maxMemoryBytes }) => maxMemoryBytes));
    const reason = usersDoNotFit(this.#options.limits.maxUsers, bytes);
    if (reason !== null)
      this.#observer.log('warn', 'Redis has too little memory for RELAY_MAX_USERS', { reason });
  }

  health(): EngineHealth {
    if (this.#parts === null) return { ready: false, reason: 'the Redis engine is not running' };
    const { router, prober } = this.#parts;
    const { shards } = router;
    const down = shards.filter((shard) => !shard.ready);
    const subscribed = (shard: Shard) => shard.subscriber.ready && prober.subscription(shard) === 'ok';
    const silent = shards.filter((shard) => shard.ready && !subscribed(shard));
    const full = shards.filter(({ refusal }) => refusal !== null);
    const unfit = shards.filter((shard) => shard.ready && shard.unfit !== null);
    const reasons = [
      ...down.map((shard) => `${shard.name} is unavailable: ${shard.reason}`),
      ...silent.map(
        ({ name, subscriber }) =>
          `wake-ups from ${name} do not come back${subscriber.ready ? '' : `: ${subscriber.reason}`}`,
      ),
      ...unfit.map((shard) => shard.unfit),
      ...full.map((shard) => `${shard.name} does not store: ${shard.refusal}`),
    ];
    // A shard that is down is down for every node: if all turned not ready, its outage would hit the users of every
    // shard. A silent subscription may be the fault of this node alone. A full shard still serves clients that empty it.
    // One that may evict mailboxes must be noticed before it does.
    const ready =
      shards.length > 0 && down.length < shards.length && silent.length === 0 && unfit.length === 0;
    return { ready, reason: reasons.length === 0 ? `Redis: ${shards.length} well` : reasons.join('; ') };
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    this.#parts = null;
    if (parts === null) return;
    const reason = 'the Redis engine is closing';
    await parts.presence.stop();
    parts.prober.stop();
    parts.sampler.stop();
    parts.sweeper.stop();
    parts.channels.close(new EngineUnavailable(reason));
    parts.router.close(reason);
  }

  async register(registration: Registration): Promise<RegisterResult> {
    return this.#running().accounts.register(registration);
  }

  async findUser(code: string): Promise<Account | 'gone' | null> {
    return this.#running().accounts.find(code);
  }

  async reopen(code: string): Promise<boolean> {
    return this.#running().accounts.reopen(code);
  }

  async liveNodes(): Promise<readonly LiveNode[]> {
    return this.#running().presence.nodes();
  }

  async subscribe(code: string, listener: MailboxListener): Promise<Subscription> {
    return this.#running().channels.subscribe(code, listener);
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { store, accounts } = this.#running();
    const { result, unsettledKey } = await store.claim(request);
    if (unsettledKey !== null) {
      // The login does not wait for this. If it fails, the next login repeats it.
      accounts.settle(request.code, unsettledKey).catch(() => {});
    }
    return result;
  }

  async reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState> {
    return this.#running().store.reclaim(session, cursor);
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    return this.#running().store.read(request);
  }

  async confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState> {
    return this.#running().store.confirm(session, upTo);
  }

  async deadLetter(session: SessionKey, id: MailboxId, why: DeadLetterReason): Promise<SessionState> {
    return this.#running().store.deadLetter(session, id, why);
  }

  async release(session: SessionKey, unconfirmed?: Unconfirmed | null): Promise<void> {
    await this.#running().store.release(session, unconfirmed);
  }

  async deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    return this.#running().store.deliver(request);
  }

  async leave(session: SessionKey): Promise<LeaveResult> {
    return this.#running().leaving.leave(session);
  }

  async rotate(session: SessionKey, ecdhPublicKey: string, proof: string): Promise<RotateResult> {
    return this.#running().accounts.rotate(session, ecdhPublicKey, proof);
  }

  get invitations(): Invitations {
    return this.#running().invitations;
  }

  get operators(): Operators {
    return this.#running().operators;
  }

  get announcements(): Announcements {
    return this.#running().announcements;
  }

  get pushes(): Announcements {
    return this.#running().pushes;
  }

  get subscriptions(): Subscriptions {
    return this.#running().subscriptions;
  }

  get control(): Control {
    return this.#running().control;
  }

  get people(): People {
    return this.#running().people;
  }

  get prekeys(): Prekeys {
    return this.#running().prekeys;
  }

  #eventsOf(shardOf: () => Shard): ShardEvents {
    const withParts = (act: (parts: Parts, shard: Shard) => void) => () => {
      if (this.#parts !== null) act(this.#parts, shardOf());
    };
    return {
      onMessage: (channel, payload) => {
        if (this.#parts === null || this.#parts.prober.receive(shardOf(), channel, payload)) return;
        this.#parts.channels.receive(channel, payload);
      },
      onReady: withParts(({ channels, prober }, shard) => {
        channels.reclaim(shard);
        void prober.probe(shard);
      }),
      onLost: withParts(({ router }) => router.refresh()),
      onSubscriberReady: withParts(({ channels, prober }, shard) => {
        prober.resubscribed(shard);
        channels.resubscribe(shard);
      }),
      onSubscriberLost: withParts(({ channels }, shard) => channels.lost(shard)),
      onDropped: withParts(({ channels, prober }, shard) => {
        const kept = shard.subscriber.subscribedTo;
        prober.dropped(shard, kept);
        channels.dropped(shard, kept);
      }),
    };
  }

  /** Resolves once each shard works or has failed, and those that work are enough. */
  async #untilReady({ router, prober }: Parts): Promise<void> {
    const deadlineMs = performance.now() + this.#timings.startTimeoutMs;
    const undecided = (shard: Shard) =>
      shard.ready ? prober.subscription(shard) === 'unknown' : !shard.failed;
    while (!this.health().ready || router.shards.some(undecided)) {
      const unfit = router.shards.find((shard) => shard.unfit !== null);
      if (unfit !== undefined) throw new EngineMisconfigured(unfit.unfit ?? '');
      if (performance.now() > deadlineMs)
        throw new EngineUnavailable(`Redis is not ready: ${this.health().reason}`);
      await sleep(POLL_MS);
    }
  }

  #running(): Parts {
    if (this.#parts === null) throw new EngineUnavailable('the Redis engine is not running');
    return this.#parts;
  }
}
