import type { Scenario } from '../harness/trial.ts';
import { cutBeforeReceipt } from './clients/cut-before-receipt.ts';
import { deadLetter } from './clients/dead-letter.ts';
import { halfOpen } from './clients/half-open.ts';
import { fullMailbox } from './clients/limits.ts';
import { longBacklog } from './clients/long-backlog.ts';
import { lostAnswer } from './clients/lost-answer.ts';
import { newestPong } from './clients/newest-pong.ts';
import { takeover, threeAtOnce } from './clients/sessions.ts';
import { slowReader } from './clients/slow-reader.ts';
import { clocks } from './nodes/clocks.ts';
import { coldStart } from './nodes/cold-start.ts';
import { everything } from './nodes/everything.ts';
import { killNodes } from './nodes/kill-nodes.ts';
import { latePong, lateReclaim } from './nodes/late.ts';
import { longZombie } from './nodes/long-zombie.ts';
import { network } from './nodes/network.ts';
import { reconnectStorm, rollingRestart } from './nodes/restarts.ts';
import { zombie } from './nodes/zombie.ts';
import { deletion } from './people/deleted.ts';
import { invitedRegistration } from './people/invited.ts';
import { banning, blocking } from './people/unheard.ts';
import { waking } from './people/woken.ts';
import { halfMigrated, oneShardDown, shardKilled, silentShard, slotsMove } from './redis/cluster.ts';
import { diskFull, evictionPolicy, maxmemory } from './redis/full-store.ts';
import { connectionsKilled, nodeChange, scriptsFlushed, unexpectedMessages } from './redis/hostile-store.ts';
import { clockBehind, flushAll, lostTail, oldSnapshot } from './redis/lost-tail.ts';
import { manyHalfMigrated, manySlotsMove } from './redis/many-slots.ts';
import { powerCut, redisKilledAlways } from './redis/redis-killed.ts';
import { redisStopped } from './redis/redis-stopped.ts';
import {
  replicasStopped,
  replicasStoppedNoWait,
  sentinelFailover,
  sentinelFailoverWait,
} from './redis/sentinel.ts';
import { lostWakeUps, silentChannel, silentSubscription } from './redis/silent-subscription.ts';
import { strayWakeUps } from './redis/stray-wake-ups.ts';
import { subscriberKilled } from './redis/subscriber-killed.ts';

/** Every scenario, once, in the order of docs/reliability.md. */
export const SCENARIOS: readonly Scenario[] = [
  killNodes,
  silentSubscription,
  silentChannel,
  lostWakeUps,
  silentShard,
  subscriberKilled,
  redisKilledAlways,
  powerCut,
  lostTail,
  oldSnapshot,
  clockBehind,
  flushAll,
  zombie,
  longZombie,
  latePong,
  lateReclaim,
  cutBeforeReceipt,
  lostAnswer,
  redisStopped,
  sentinelFailover,
  sentinelFailoverWait,
  replicasStopped,
  replicasStoppedNoWait,
  slotsMove,
  manySlotsMove,
  manyHalfMigrated,
  shardKilled,
  slowReader,
  newestPong,
  deadLetter,
  threeAtOnce,
  takeover,
  halfOpen,
  longBacklog,
  fullMailbox,
  maxmemory,
  diskFull,
  evictionPolicy,
  coldStart,
  rollingRestart,
  reconnectStorm,
  network,
  oneShardDown,
  clocks,
  unexpectedMessages,
  strayWakeUps,
  nodeChange,
  connectionsKilled,
  scriptsFlushed,
  halfMigrated,
  invitedRegistration,
  deletion,
  waking,
  blocking,
  banning,
  everything,
];
