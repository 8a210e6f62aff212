import type { EngineLimits, NodeDetails } from '../engine.ts';
import type { EngineObserver } from '../observer.ts';
import { RedisInvitations } from './accounts/invitations.ts';
import { Leaving } from './accounts/leaving.ts';
import { Sweeper } from './accounts/sweeper.ts';
import { RedisAnnouncements } from './announcements/announcements.ts';
import { Noting } from './announcements/noting.ts';
import { Calls } from './cluster/calls.ts';
import { Conditions } from './cluster/conditions.ts';
import type { Discovery } from './cluster/discovery.ts';
import { Router } from './cluster/router.ts';
import type { Shard, ShardEvents } from './cluster/shard.ts';
import type { Deployment } from './connection/address.ts';
import { Accounts } from './mailbox/accounts.ts';
import { MailboxSampler } from './mailbox/mailbox-sampler.ts';
import { Store } from './mailbox/store.ts';
import { AuditLog } from './operators/audit.ts';
import { RedisControl } from './operators/control.ts';
import { RedisOperators } from './operators/operators.ts';
import { RedisReports } from './operators/reports.ts';
import { RedisPeople } from './people/people.ts';
import { RedisPrekeys } from './prekeys/prekeys.ts';
import { Presence } from './presence.ts';
import { RedisSubscriptions } from './push/subscriptions.ts';
import { loadScripts } from './scripts.ts';
import type { Timings } from './timings.ts';
import { Channels } from './wakeups/channels.ts';
import { Prober } from './wakeups/probe.ts';

export interface RedisEngineOptions {
  /**
   * `redis://` or `rediss://`: one server, or nodes of a Cluster; or one
   * `redis+sentinel://host:port,host:port/master-name`.
   */
  readonly urls: readonly string[];
  /** Unique among the running nodes. */
  readonly nodeId: string;
  readonly limits: EngineLimits;
  /** `deliver` answers once so many replicas have the envelopes; 0: once the master has them. */
  readonly waitReplicas: number;
  readonly observer?: EngineObserver;
  /** Whether users who are away are noted, to be announced. Default: no. */
  readonly announces?: boolean;
  /** The same for users with subscriptions, to be announced by Web Push. */
  readonly pushes?: boolean;
  /** Announces this node as live once it does not return null; without it the engine is a tool's. */
  readonly presence?: () => NodeDetails | null;
  readonly timings?: Partial<Timings>;
  /** See `Sweeper`; without it no account is deleted for being idle. */
  readonly accountIdleTtlMs?: () => number;
}

/** The parts of a running engine. */
export interface Parts {
  readonly router: Router;
  readonly channels: Channels;
  readonly prober: Prober;
  readonly store: Store;
  readonly accounts: Accounts;
  readonly people: RedisPeople;
  readonly prekeys: RedisPrekeys;
  readonly leaving: Leaving;
  readonly invitations: RedisInvitations;
  readonly operators: RedisOperators;
  readonly announcements: RedisAnnouncements;
  readonly pushes: RedisAnnouncements;
  readonly subscriptions: RedisSubscriptions;
  readonly control: RedisControl;
  readonly presence: Presence;
  readonly sampler: MailboxSampler;
  readonly sweeper: Sweeper;
}

export interface AssembleOptions {
  readonly discovery: Discovery;
  readonly deployment: Deployment;
  readonly options: RedisEngineOptions;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  readonly eventsOf: (shard: () => Shard) => ShardEvents;
}

/** Puts the parts of an engine together. Nothing is connected before `router.start`. */
export function assemble({
  discovery,
  deployment,
  options,
  timings,
  observer,
  eventsOf,
}: AssembleOptions): Parts {
  const { isCluster, discover, confirmMaster } = discovery;
  const { limits, waitReplicas, announces = false, pushes = false } = options;
  // A name may have any characters; keys and channels are ASCII.
  const nodeId = encodeURIComponent(options.nodeId);
  const scripts = loadScripts(limits, announces || pushes ? { ...timings, hooks: announces, pushes } : {});
  const { access } = deployment;
  const router: Router = new Router({
    discover,
    context: { access, confirmMaster, scripts, timings, waitReplicas, observer },
    eventsOf,
    onSlotsMoved: () => channels.follow(),
  });
  const conditions = new Conditions(observer);
  const calls = new Calls({ router, timings, observer, conditions });
  const prober: Prober = new Prober({
    router,
    calls,
    scripts,
    nodeId,
    timings,
    observer,
    conditions,
    onSilent: (shard) => channels.poll(shard, timings.silentPollEveryMs),
    onRecovered: (shard) => channels.poll(shard, timings.spreadMs),
  });
  const isSilent = (shard: Shard) => prober.subscription(shard) === 'silent';
  const channels: Channels = new Channels({ router, timings, observer, conditions, isSilent });
  const { callTimeoutMs } = timings;
  const durable = waitReplicas > 0;
  const { mailboxTtlMs } = limits;
  const noting = new Noting({
    calls,
    scripts,
    isCluster,
    onNoted: (code) => {
      for (const way of ways) way.noted(code);
    },
  });
  const away = { calls, scripts, timings, mailboxTtlMs, noting };
  const announcements = new RedisAnnouncements({ ...away, way: 'hook' });
  const pushAnnouncements = new RedisAnnouncements({ ...away, way: 'push' });
  const ways = [...(announces ? [announcements] : []), ...(pushes ? [pushAnnouncements] : [])];
  const store = new Store({
    calls,
    scripts,
    mailboxTtlMs,
    nodeId,
    durable,
    observer,
    away: ways.length > 0 ? noting : null,
    callTimeoutMs,
  });
  const invitations = new RedisInvitations({ calls, scripts, durable });
  const accounts = new Accounts({ calls, scripts, store, invitations, maxUsers: limits.maxUsers });
  const audit = new AuditLog(calls);
  const reports = new RedisReports({ calls, scripts, durable });
  const presence = new Presence({
    calls,
    scripts,
    nodeId,
    timings,
    observer,
    details: options.presence ?? (() => null),
  });
  const leaving = new Leaving({ calls, scripts, store, durable });
  const { accountIdleTtlMs = () => 0 } = options;
  const sweeper = new Sweeper({
    calls,
    router,
    leaving,
    store,
    presence,
    nodeId,
    timings,
    observer,
    accountIdleTtlMs,
  });
  return {
    router,
    channels,
    prober,
    store,
    people: new RedisPeople({ scripts, store }),
    prekeys: new RedisPrekeys({ calls, scripts, store, durable }),
    leaving,
    invitations,
    announcements,
    pushes: pushAnnouncements,
    subscriptions: new RedisSubscriptions({ calls, scripts, store }),
    operators: new RedisOperators({ calls, scripts, router, accounts, leaving, audit, reports, durable }),
    control: new RedisControl(calls),
    accounts,
    presence,
    sweeper,
    sampler: new MailboxSampler({ router, timings, observer }),
  };
}
