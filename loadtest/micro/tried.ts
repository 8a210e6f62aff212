/**
 * What might make an envelope cheaper, each against what is used, in turns: prints, and writes .cache/tried.json. The
 * store is asked by plain ioredis with a script like the relay's own (append, publish), from one process.
 *
 *   node loadtest/run.mjs micro/tried.ts [--runs 3] [--calls 40000]
 */
import { generateKeyPairSync, verify as nodeVerify, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { cpuUs } from '../../test/support/proc.ts';
import { startRedis } from '../../test/support/redis/redis.ts';
import { measureVerify } from '../bench/verify-cost.ts';
import { machine } from '../support/machine.ts';
import { median } from '../support/median.ts';

/** One thing that was tried, and what it was tried against. Processor time of one call, and calls a second. */
export interface Trial {
  readonly what: string;
  readonly clientUs: readonly number[];
  readonly redisUs: readonly number[];
  readonly perSecond: readonly number[];
}

export interface Tried {
  readonly machine: string;
  readonly loadAverage: number;
  readonly verifyUs: number;
  readonly trials: readonly Trial[];
}

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { runs: { type: 'string', default: '3' }, calls: { type: 'string', default: '40000' } },
});
const RUNS = Number(values.runs);
const CALLS = Number(values.calls);
/** Under way at once: as with many senders. */
const UNDERWAY = 128;
const MAILBOXES = 256;
const FRAME = 'f'.repeat(400);
const SCRIPT = `#!lua
redis.call('XADD', KEYS[1], '*', 'f', ARGV[1])
redis.call('XTRIM', KEYS[1], 'MAXLEN', 4)
return redis.call('SPUBLISH', KEYS[2], ARGV[1])`;

interface Cost {
  readonly clientUs: number;
  readonly redisUs: number;
  readonly perSecond: number;
}

interface StoreTrial {
  readonly client: { readonly protocol: 2 | 3; readonly enableAutoPipelining: boolean };
  /** Of redis.conf, stronger than the file in deploy/. */
  readonly server: Readonly<Record<string, string>>;
}

const AS_USED = { protocol: 3, enableAutoPipelining: false } as const;

const STORE_TRIALS: Readonly<Record<string, StoreTrial>> = {
  'RESP3 (ioredis 6 as it is; used)': { client: AS_USED, server: {} },
  RESP2: { client: { ...AS_USED, protocol: 2 }, server: {} },
  'RESP3 with auto-pipelining': { client: { ...AS_USED, enableAutoPipelining: true }, server: {} },
  'RESP3, io-threads 2': { client: AS_USED, server: { 'io-threads': '2' } },
  'RESP3, io-threads 2, reads too': {
    client: AS_USED,
    server: { 'io-threads': '2', 'io-threads-do-reads': 'yes' },
  },
};

async function askStore(trial: StoreTrial): Promise<Cost> {
  const store = await startRedis(trial.server, { deployed: true });
  const open = () => new Redis(store.port, '127.0.0.1', trial.client);
  const [client, subscriber] = [open(), open()];
  try {
    // A subscriber hears what is published, as a node does.
    await subscriber.ssubscribe('mailbox:{0}');
    const sha = String(await client.script('LOAD', SCRIPT));
    const call = (n: number) => {
      const mailbox = `mailbox:{${n % MAILBOXES}}`;
      return client.evalsha(sha, 2, mailbox, mailbox, FRAME);
    };
    await keepUnderway(CALLS / 4, call);
    const redisBefore = cpuUs(store.pid);
    const cost = await keepUnderway(CALLS, call);
    return { ...cost, redisUs: (cpuUs(store.pid) - redisBefore) / CALLS };
  } finally {
    client.disconnect();
    subscriber.disconnect();
    await store.remove();
  }
}

async function keepUnderway(calls: number, call: (n: number) => Promise<unknown>): Promise<Cost> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  let next = 0;
  const work = async () => {
    for (let n = next++; n < calls; n = next++) await call(n);
  };
  await Promise.all(Array.from({ length: UNDERWAY }, work));
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedMs) / 1000;
  return { clientUs: (user + system) / calls, redisUs: 0, perSecond: calls / seconds };
}

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const MESSAGE = Buffer.alloc(300, 'm');
const SIGNATURE = sign(null, MESSAGE, privateKey);

/** What a core that would otherwise idle may do for a node: all of the process' threads are counted. */
function verifyOnPool(): Promise<Cost> {
  return keepUnderway(
    CALLS / 4,
    () =>
      new Promise<void>((resolve, reject) => {
        nodeVerify(null, MESSAGE, publicKey, SIGNATURE, (error, valid) => {
          if (error !== null || !valid) reject(error ?? new Error('a valid signature did not verify'));
          else resolve();
        });
      }),
  );
}

function verifyAtOnce(): Cost {
  const us = measureVerify(MESSAGE.length);
  return { clientUs: us, redisUs: 0, perSecond: 1e6 / us };
}

const costs = new Map<string, Cost[]>();
for (let run = 1; run <= RUNS; run += 1) {
  for (const [what, trial] of Object.entries(STORE_TRIALS)) note(what, await askStore(trial));
  note('verify at once, libsodium (used)', verifyAtOnce());
  note('verify on the thread pool, node:crypto', await verifyOnPool());
}

function note(what: string, cost: Cost): void {
  process.stderr.write(`${what}: ${(cost.clientUs + cost.redisUs).toFixed(1)} µs\n`);
  costs.set(what, [...(costs.get(what) ?? []), cost]);
}

const tried: Tried = {
  machine: machine(),
  loadAverage: loadavg()[0] ?? 0,
  verifyUs: measureVerify(200),
  trials: [...costs].map(([what, of]) => ({
    what,
    clientUs: of.map(({ clientUs }) => clientUs),
    redisUs: of.map(({ redisUs }) => redisUs),
    perSecond: of.map(({ perSecond }) => perSecond),
  })),
};
writeFileSync('.cache/tried.json', JSON.stringify(tried, null, 2));
console.table(
  tried.trials.map(({ what, clientUs, redisUs, perSecond }) => ({
    what,
    'client µs': median(clientUs).toFixed(1),
    'redis µs': median(redisUs).toFixed(1),
    '1/s': Math.round(median(perSecond)),
  })),
);
