/**
 * What might make an envelope cheaper, each against what is used, in turns: prints, and writes .cache/tried.json. The
 * store is asked by a script like the relay's own (append, publish), from one process.
 *
 *   node loadtest/run.mjs micro/tried.ts [--runs 3] [--calls 40000]
 */
import { generateKeyPairSync, verify as nodeVerify, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { awsLc, libsodium, type Verifier } from '../../src/crypto/verifier.ts';
import { Connection } from '../../src/engine/redis/connection/connection.ts';
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
  /** Null: the node's own connection. */
  readonly client: { readonly protocol: 2 | 3; readonly enableAutoPipelining: boolean } | null;
  /** Of redis.conf, stronger than the file in deploy/. */
  readonly server: Readonly<Record<string, string>>;
}

const IOREDIS = { protocol: 3, enableAutoPipelining: false } as const;

const STORE_TRIALS: Readonly<Record<string, StoreTrial>> = {
  'own connection, RESP3 (used)': { client: null, server: {} },
  'ioredis 6, RESP3': { client: IOREDIS, server: {} },
  'ioredis 6, RESP2': { client: { ...IOREDIS, protocol: 2 }, server: {} },
  'ioredis 6, RESP3, auto-pipelining': { client: { ...IOREDIS, enableAutoPipelining: true }, server: {} },
  'own connection, io-threads 2': { client: null, server: { 'io-threads': '2' } },
  'own connection, io-threads 2, reads too': {
    client: null,
    server: { 'io-threads': '2', 'io-threads-do-reads': 'yes' },
  },
};

interface Client {
  call(name: string, args: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  close(): void;
}

async function open(port: number, { client }: StoreTrial): Promise<Client> {
  const host = '127.0.0.1';
  if (client === null) {
    const access = { tls: false, username: null, password: null };
    const own = await Connection.open({ address: { host, port }, access, timeoutMs: 60_000 });
    return {
      call: (name, args) => own.call(name, args),
      subscribe: (channel) => own.subscribe(channel),
      close: () => own.destroy('done'),
    };
  }
  const redis = new Redis(port, host, client);
  return {
    call: (name, args) => redis.call(name, ...args),
    subscribe: (channel) => redis.ssubscribe(channel),
    close: () => redis.disconnect(),
  };
}

async function askStore(trial: StoreTrial): Promise<Cost> {
  const store = await startRedis(trial.server, { deployed: true });
  const [client, subscriber] = [await open(store.port, trial), await open(store.port, trial)];
  try {
    // A subscriber hears what is published, as a node does.
    await subscriber.subscribe('mailbox:{0}');
    const sha = String(await client.call('SCRIPT', ['LOAD', SCRIPT]));
    const call = (n: number) => {
      const mailbox = `mailbox:{${n % MAILBOXES}}`;
      return client.call('EVALSHA', [sha, '2', mailbox, mailbox, FRAME]);
    };
    await keepUnderway(CALLS / 4, call);
    const redisBefore = cpuUs(store.pid);
    const cost = await keepUnderway(CALLS, call);
    return { ...cost, redisUs: (cpuUs(store.pid) - redisBefore) / CALLS };
  } finally {
    client.close();
    subscriber.close();
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

function verifyAtOnce(by: Verifier): Cost {
  const us = measureVerify(MESSAGE.length, by);
  return { clientUs: us, redisUs: 0, perSecond: 1e6 / us };
}

const costs = new Map<string, Cost[]>();
for (let run = 1; run <= RUNS; run += 1) {
  for (const [what, trial] of Object.entries(STORE_TRIALS)) note(what, await askStore(trial));
  if (awsLc !== null) note('verify at once, AWS-LC (used where it was built)', verifyAtOnce(awsLc));
  note('verify at once, libsodium (used elsewhere)', verifyAtOnce(libsodium));
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
