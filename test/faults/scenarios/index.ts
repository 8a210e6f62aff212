import type { Scenario } from '../bench.ts';
import { halfMigrated, oneShardDown, shardKilled, slotsMove } from './cluster.ts';
import { cutBeforeReceipt } from './cut-before-receipt.ts';
import { deaf, deafChannel } from './deaf.ts';
import { killNodes } from './kill-nodes.ts';
import { fullMailbox } from './limits.ts';
import { lostAnswer } from './lost-answer.ts';
import { flushAll, lostTail, oldSnapshot } from './lost-tail.ts';
import { powerCut, redisKilledAlways } from './redis-killed.ts';
import { redisStopped } from './redis-stopped.ts';
import { sentinelFailover, sentinelFailoverWait } from './sentinel.ts';
import { halfOpen, longBacklog, threeAtOnce } from './sessions.ts';
import { slowReader } from './slow-reader.ts';
import { zombie } from './zombie.ts';

/** Every scenario, once, in the order of docs/reliability.md. */
export const SCENARIOS: readonly Scenario[] = [
  killNodes,
  deaf,
  deafChannel,
  redisKilledAlways,
  powerCut,
  lostTail,
  oldSnapshot,
  flushAll,
  zombie,
  cutBeforeReceipt,
  lostAnswer,
  redisStopped,
  sentinelFailover,
  sentinelFailoverWait,
  slotsMove,
  shardKilled,
  slowReader,
  threeAtOnce,
  halfOpen,
  longBacklog,
  fullMailbox,
  oneShardDown,
  halfMigrated,
];
