import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { registerUser } from '../support/plain/users.ts';
import { Random } from '../support/random.ts';
import { startRedis } from '../support/redis/redis.ts';
import { Processes } from '../support/servers/processes.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { churn } from './churn.ts';
import { measureFairness, measureThroughput, runFlood } from './fairness.ts';
import { FLOODS } from './floods.ts';
import { fuzzHttp } from './fuzz/fuzz-http.ts';
import { fuzzSockets, newCounts } from './fuzz/fuzz-sockets.ts';
import { settledMb, untilBack } from './memory.ts';
import { outlast, type Slowness } from './slow.ts';
import { measureTiming } from './timing.ts';

const USAGE = `npm run test:hostile -- [options]
  --frames N     fuzzed frames (1,000,000)
  --requests N   fuzzed HTTP requests (100,000)
  --logins N     logins and cuts in a row (10,000)
  --seconds N    of each flood, and of the calm before it (15)
  --only PART    frames, http, timing, fairness, throughput, slow or churn
  --match TEXT   of the floods, only those with this in their name
  --seed S       printed, so that a failure can be replayed`;

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    requests: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '15' },
    only: { type: 'string' },
    logins: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    match: { type: 'string', default: '' },
    flood: { type: 'string' },
    port: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** A tenth of a run beforehand, so that what a process always needs is not taken for a leak. */
const WARM_UP = 10;
/** V8's heap swings by 20 MB until it has seen so many, and then stays where it is. */
const WARM_UP_FRAMES = 60_000;
const RSS_PERCENT = 10;
/** The relay collects garbage when told to, so that memory is compared with memory. */
const COLLECTS = `--import=${pathToFileURL('loadtest/support/collect.mjs').href}`;
/** Honest clients wait at most this many times longer under a flood; below this wait the difference does not count. */
const SLOWER_TIMES = 3;
const UNNOTICED_MS = 10;
/** What honest clients get through while wrong signatures come as fast as the machine lets them. */
const THROUGHPUT_PERCENT = 80;
/** The default limits of an address, which other tests turn off: they are part of what is measured. */
const DEFAULT_LIMITS = {
  RELAY_UPGRADES_PER_S: '50',
  RELAY_SOCKETS_PER_ADDRESS: '5000',
  RELAY_PENDING_PER_ADDRESS: '200',
};
const SLOW: Readonly<Record<Slowness, number>> = {
  'silent socket': 10_000,
  'slow headers': 1_000,
  'slow body': 1_000,
  'slow read': 1_000,
};
/** RELAY_CONNECT_TIMEOUT_MS and the 10 s of HTTP, looked at every 1 to 4 s, and what a busy machine adds. */
const SLOW_S = 20;

if (values.help) console.log(USAGE);
else if (values.flood !== undefined) await runFlood(values.flood, Number(values.port));
else process.exit(await main());

async function main(): Promise<number> {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  console.log(`seed ${seed}`);
  const parts: Record<string, () => Promise<string[]>> = {
    frames: () => frames(seed),
    http: () => http(seed),
    timing,
    fairness,
    throughput,
    slow,
    churn: churning,
  };
  const complaints: string[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (values.only === undefined || values.only === name) complaints.push(...(await part()));
  }
  for (const complaint of complaints) console.log(`FAIL ${complaint}`);
  console.log(complaints.length === 0 ? 'passed' : `${complaints.length} failed`);
  return complaints.length === 0 ? 0 : 1;
}

/** A relay for one part; nothing but what the part did may have ended it or be in its log. */
async function withRelay(
  settings: Record<string, string>,
  work: (relay: RelayNode) => Promise<string[]>,
): Promise<string[]> {
  const processes = new Processes();
  try {
    const relay = await processes.relay({ NODE_OPTIONS: COLLECTS, ...settings });
    const complaints = await work(relay);
    if (relay.ended !== null) complaints.push(`the relay ended: ${relay.ended}`);
    const broken = /^.*"severity":"(?:error|fatal)".*$/m.exec(relay.output);
    if (broken !== null) complaints.push(`the relay logged ${broken[0]}`);
    return complaints;
  } finally {
    await processes.stop();
  }
}

function frames(seed: number): Promise<string[]> {
  // Small mailboxes: what waits in them is not what is to be measured.
  const settings = { RELAY_ENVELOPES_PER_S: '0', RELAY_NOISE_PER_S: '0', RELAY_MAILBOX_ENVELOPES: '20' };
  return withRelay(settings, async (relay) => {
    const users = [];
    for (let n = 0; n < 32; n += 1) users.push(await registerUser(relay.http));
    const options = { url: relay.ws, users, socketsAtOnce: 16 };
    const total = Number(values.frames);
    const warmUp = Math.max(total / WARM_UP, WARM_UP_FRAMES);
    await fuzzSockets({ ...options, frames: warmUp, random: new Random(seed + 1) });
    const beforeMb = await settledMb(relay.pid);
    const startedMs = performance.now();
    const received = () => relay.metric('keyrelay_frames_received_total');
    const receivedBefore = await received();
    const random = new Random(seed);
    const counts = newCounts();
    // What was sent behind a frame that closed the socket does not count: what the relay has read does.
    while ((await received()) - receivedBefore < total) {
      console.log(`  ${(await received()) - receivedBefore} frames read`);
      await fuzzSockets({ ...options, frames: counts.sent + total / WARM_UP, random }, counts);
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const read = (await received()) - receivedBefore;
    console.log(
      `frames: ${read} read by the relay (${counts.sent} sent) on ${counts.sockets} sockets in ${seconds} s`,
    );
    console.log(listed(counts.answers));
    return [...new Set(counts.surprises), ...(await memory(relay, beforeMb))];
  });
}

function http(seed: number): Promise<string[]> {
  return withRelay({ RELAY_CONNECT_TIMEOUT_MS: '500' }, async (relay) => {
    const options = { port: relay.port, atOnce: 64 };
    const total = Number(values.requests);
    await fuzzHttp({ ...options, requests: total / WARM_UP, random: new Random(seed + 1) });
    const beforeMb = await settledMb(relay.pid);
    const startedMs = performance.now();
    const counts = await fuzzHttp({ ...options, requests: total, random: new Random(seed) });
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    console.log(`http: ${counts.sent} requests in ${seconds} s`);
    console.log(listed(counts.answers));
    return [...counts.surprises, ...(await memory(relay, beforeMb))];
  });
}

async function memory(relay: RelayNode, beforeMb: number): Promise<string[]> {
  try {
    const afterMb = await untilBack(relay.pid, beforeMb, RSS_PERCENT);
    console.log(`  memory: ${beforeMb.toFixed(0)} MB before, ${afterMb.toFixed(0)} MB after`);
    return [];
  } catch (error) {
    return [`memory: ${error instanceof Error ? error.message : error}`];
  }
}

function timing(): Promise<string[]> {
  return withRelay({}, async (relay) => {
    const complaints: string[] = [];
    for (const { name, differPercent, mediansUs } of await measureTiming(relay)) {
      console.log(
        `timing: ${name}: ${mediansUs.map((us) => us.toFixed(0)).join(' and ')} µs, ${differPercent.toFixed(1)} %`,
      );
      if (differPercent >= 5) complaints.push(`timing: ${name} differ by ${differPercent.toFixed(1)} %`);
    }
    return complaints;
  });
}

async function fairness(): Promise<string[]> {
  const complaints: string[] = [];
  for (const flood of Object.keys(FLOODS).filter((name) => name.includes(values.match))) {
    const said = await withRelay(DEFAULT_LIMITS, async (relay) => {
      const { calmP99Ms, floodP99Ms, perSecond, relayCpuPercent, envelopes } = await measureFairness(
        relay,
        flood,
        Number(values.seconds),
      );
      console.log(
        `fairness: ${flood} | ${perSecond}/s | p99 ${calmP99Ms.toFixed(1)} ms calm, ${floodP99Ms.toFixed(1)} ms under it | relay ${relayCpuPercent.toFixed(0)} % of a core | ${envelopes} honest envelopes, none lost`,
      );
      const bearable = Math.max(SLOWER_TIMES * calmP99Ms, UNNOTICED_MS);
      return floodP99Ms <= bearable
        ? []
        : [`fairness: ${flood}: ${floodP99Ms.toFixed(1)} ms, calm ${calmP99Ms.toFixed(1)} ms`];
    });
    complaints.push(...said);
  }
  return complaints;
}

async function throughput(): Promise<string[]> {
  const complaints: string[] = [];
  for (const flood of ['invalid signatures, 1 socket', 'invalid signatures, 100 sockets']) {
    const said = await withRelay(
      // The honest one sends as fast as it can.
      { ...DEFAULT_LIMITS, RELAY_ENVELOPES_PER_S: '0', RELAY_BYTES_PER_S: '0', RELAY_MAILBOX_SHARE: '100' },
      async (relay) => {
        const { calm, underFlood, perSecond } = await measureThroughput(relay, flood, Number(values.seconds));
        const percent = (underFlood / calm) * 100;
        console.log(
          `throughput: ${flood} | ${perSecond}/s | ${calm.toFixed(0)}/s calm, ${underFlood.toFixed(0)}/s under it: ${percent.toFixed(0)} % | none lost`,
        );
        return percent >= THROUGHPUT_PERCENT
          ? []
          : [`throughput: ${flood}: ${percent.toFixed(0)} % of the calm rate`];
      },
    );
    complaints.push(...said);
  }
  return complaints;
}

function slow(): Promise<string[]> {
  // The default limits per address would end most of them at once, and so would the one on sockets without a login.
  return withRelay({ RELAY_MAX_PENDING: '10000' }, async (relay) => {
    const complaints: string[] = [];
    for (const [kind, count] of Object.entries(SLOW) as [Slowness, number][]) {
      const { longestS, closes } = await outlast(relay.port, { kind, count, patienceS: 60 });
      console.log(`slow: ${count} × ${kind}: the last one lasted ${longestS.toFixed(1)} s`);
      if (longestS > SLOW_S) complaints.push(`slow: a ${kind} lasted ${longestS.toFixed(1)} s`);
      if (kind === 'silent socket' && closes.get(4408) !== count)
        complaints.push(`slow: silent sockets were closed with ${JSON.stringify([...closes])}`);
    }
    return complaints;
  });
}

async function churning(): Promise<string[]> {
  const redis = await startRedis();
  try {
    return await withRelay({ RELAY_REDIS_URL: redis.url }, async (relay) => {
      await churn(relay, redis, Number(values.logins) / WARM_UP);
      const beforeMb = await settledMb(relay.pid);
      const { logins, seconds, subscribes, channelsLeft } = await churn(relay, redis, Number(values.logins));
      console.log(
        `churn: ${logins} logins and cuts in ${seconds.toFixed(0)} s | ${subscribes} SSUBSCRIBE, ${channelsLeft} channels left`,
      );
      const complaints =
        channelsLeft === 0 ? [] : [`churn: ${channelsLeft} channels are still subscribed to`];
      if (subscribes > logins) complaints.push(`churn: ${subscribes} SSUBSCRIBE for ${logins} logins`);
      return [...complaints, ...(await memory(relay, beforeMb))];
    });
  } finally {
    await redis.remove();
  }
}

function listed(answers: ReadonlyMap<unknown, number>): string {
  const sorted = [...answers].sort(([, a], [, b]) => b - a);
  return `  ${sorted.map(([answer, count]) => `${answer} ${count}`).join(', ')}`;
}
