import type { Scenario } from '../bench.ts';
import { clocks } from './clocks.ts';
import { deafShard, halfMigrated, oneShardDown, shardKilled, slotsMove } from './cluster.ts';
import { cutBeforeReceipt } from './cut-before-receipt.ts';
import { deaf, deafChannel, deafNowAndThen } from './deaf.ts';
import { everything } from './everything.ts';
import { diskFull, evictionPolicy, maxmemory } from './full-store.ts';
import { halfOpen } from './half-open.ts';
import { connectionsKilled, nodeChange, rubbish, scriptsFlushed } from './hostile-store.ts';
import { killNodes } from './kill-nodes.ts';
import { latePong, lateReclaim } from './late.ts';
import { fullMailbox } from './limits.ts';
import { longBacklog } from './long-backlog.ts';
import { lostAnswer } from './lost-answer.ts';
import { flushAll, lostTail, oldSnapshot } from './lost-tail.ts';
import { network } from './network.ts';
import { newestPong } from './newest-pong.ts';
import { poison } from './poison.ts';
import { powerCut, redisKilledAlways } from './redis-killed.ts';
import { redisStopped } from './redis-stopped.ts';
import { rollingRestart, stampede } from './restarts.ts';
import {
  replicasStopped,
  replicasStoppedNoWait,
  sentinelFailover,
  sentinelFailoverWait,
} from './sentinel.ts';
import { takeover, threeAtOnce } from './sessions.ts';
import { slowReader } from './slow-reader.ts';
import { subscriberKilled } from './subscriber-killed.ts';
import { zombie } from './zombie.ts';

/** Every scenario, once, in the order of docs/reliability.md. */
export const SCENARIOS: readonly Scenario[] = [
  killNodes,
  deaf,
  deafChannel,
  deafNowAndThen,
  deafShard,
  subscriberKilled,
  redisKilledAlways,
  powerCut,
  lostTail,
  oldSnapshot,
  flushAll,
  zombie,
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
  shardKilled,
  slowReader,
  newestPong,
  poison,
  threeAtOnce,
  takeover,
  halfOpen,
  longBacklog,
  fullMailbox,
  maxmemory,
  diskFull,
  evictionPolicy,
  rollingRestart,
  stampede,
  network,
  oneShardDown,
  clocks,
  rubbish,
  nodeChange,
  connectionsKilled,
  scriptsFlushed,
  halfMigrated,
  everything,
];
