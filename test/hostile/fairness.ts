import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuUs } from '../support/proc.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { FLOODS } from './floods.ts';
import { HonestPair } from './honest-pair.ts';

/** One flood, and its effect on an honest pair. */
export interface Fairness {
  readonly flood: string;
  readonly calmP99Ms: number;
  readonly floodP99Ms: number;
  /** What the flood did, in its own unit, a second. */
  readonly perSecond: number;
  /** Of one core, under the flood. */
  readonly relayCpuPercent: number;
  readonly envelopes: number;
}

/** The flood runs in a separate process: it must not slow the clock that it is measured by. */
export async function measureFairness(relay: RelayNode, flood: string, seconds: number): Promise<Fairness> {
  const honest = await HonestPair.start(relay, { everyMs: 20 });
  await pause(seconds);
  const calmP99Ms = honest.percentileMs(99);
  const child = await startFlood(flood, relay.port);
  honest.restart();
  const cpuBeforeUs = cpuUs(relay.pid);
  await pause(seconds);
  const relayCpuPercent = (cpuUs(relay.pid) - cpuBeforeUs) / (seconds * 10_000);
  const floodP99Ms = honest.percentileMs(99);
  const done = await stop(child);
  const envelopes = honest.sent;
  await honest.finish();
  return { flood, calmP99Ms, floodP99Ms, perSecond: Math.round(done / seconds), relayCpuPercent, envelopes };
}

/** Envelopes that one honest sender gets accepted a second, before and during a flood. */
export async function measureThroughput(
  relay: RelayNode,
  flood: string,
  seconds: number,
): Promise<{ readonly calm: number; readonly underFlood: number; readonly perSecond: number }> {
  const honest = await HonestPair.start(relay, { inFlight: IN_FLIGHT });
  await honest.rate(WARM_UP_S);
  const calm = await honest.rate(seconds);
  const child = await startFlood(flood, relay.port);
  const underFlood = await honest.rate(seconds);
  const done = await stop(child);
  await honest.finish();
  return { calm, underFlood, perSecond: Math.round(done / seconds) };
}

const WARM_UP_S = 3;
/** What an eager client has on its way at once. */
const IN_FLIGHT = 16;

async function startFlood(flood: string, port: number): Promise<ChildProcess> {
  const child = fork(process.argv[1] ?? '', ['--flood', flood, '--port', `${port}`], { stdio: 'inherit' });
  // It stands for machines elsewhere: here it must not take the processor from the relay.
  if (child.pid !== undefined) execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', `${child.pid}`]);
  await once(child, 'message');
  return child;
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

async function stop(child: ChildProcess): Promise<number> {
  const told = once(child, 'message');
  child.send('stop');
  const [done] = (await told) as [number];
  child.kill();
  return done;
}

/** What the forked process does. */
export async function runFlood(name: string, port: number): Promise<void> {
  const flood = FLOODS[name];
  if (flood === undefined) throw new Error(`there is no flood ${name}`);
  const stopping = new AbortController();
  process.once('message', () => stopping.abort());
  process.send?.('started');
  const target = { port, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws` };
  process.send?.(await flood(target, stopping.signal));
}
