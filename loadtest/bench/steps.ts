import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from '../../test/support/redis/store.ts';
import { readStacks, type Stack } from '../profile/profiles.ts';
import { type Load, SIGNED_PER_S_MAX } from './load.ts';
import { Rig, startKeyrelay, startShards } from './rig.ts';

/** What one envelope's processor time is spent on. Microseconds. */
export interface Step {
  readonly step: string;
  readonly us: number;
}

export interface Budget {
  /** The phase of the bench. */
  readonly load: string;
  readonly steps: readonly Step[];
}

/** By the nearest function on the stack whose file is one of these; native code and packages count to their callers. */
const STEPS: readonly (readonly [RegExp, string])[] = [
  [/^crypto\//, 'verify'],
  [/^(protocol\/delivered|relay\/context\/delivered-frame)/, 'copy for the recipient'],
  [/^protocol\//, 'decode'],
  [/^engine\/redis\/|^ioredis$|^@ioredis\//, 'talk to Redis'],
  [/^relay\/(inbound\/deliver-queue|context\/confirm-batcher)/, 'gather into batches'],
  [/^relay\/outbound\//, 'push, ping, confirm'],
  [/^relay\/(gateway|transport|session|inbound|context)\//, 'sockets'],
  // Of what a node does in JavaScript only its Redis connections use Node's own streams.
  [/^node:/, 'talk to Redis'],
];
const REST = 'the rest of the relay';
const GARBAGE = 'collect garbage';
/** What no function of JavaScript called: the kernel puts a node to sleep and wakes it, native code reads its sockets. */
const WAKING = 'wake up, event loop, native';

const WARM_UP_S = 6;
const OUTSTANDING = 8;
const PROFILE_TIMEOUT_MS = 20_000;

export interface StepsPlan {
  readonly pairs: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  readonly loads: readonly {
    readonly name: string;
    /** Open loop; null: closed. */
    readonly perSecond: number | null;
    /** What is split, from a run that was not profiled: to be watched so closely wakes a node again and again. */
    readonly cost: { readonly nodesUs: number; readonly redisUs: number };
  }[];
}

/** Each load once more, with both nodes profiled. Loads from the least to the highest. */
export async function measureSteps(plan: StepsPlan): Promise<readonly Budget[]> {
  const { pairs, payloadBytes, seconds, loads } = plan;
  const folder = mkdtempSync(join(tmpdir(), 'keyrelay-profiles-'));
  const rig = await Rig.start({
    nodes: 2,
    workers: 1,
    store: await startShards(1),
    startNode: (redisUrl, number) => startKeyrelay({ redisUrl, number, profileFolder: folder }),
  });
  try {
    await rig.connect({ count: pairs, payloadBytes, protocol: 1, dialect: null });
    await run(rig, closed(WARM_UP_S));
    const budgets: Budget[] = [];
    for (const { name, perSecond, cost } of loads) {
      const load: Load = perSecond === null ? closed(seconds) : { mode: 'open', perSecond, seconds };
      await sign(rig, load);
      rig.toggleProfiles();
      const scriptsBefore = await scriptsUs(rig);
      const results = await rig.run({ do: 'run', load });
      const scripts = (await scriptsUs(rig)) - scriptsBefore;
      rig.toggleProfiles();
      const received = results.reduce((total, result) => total + result.received, 0);
      if (received === 0) throw new Error('nothing came while it was profiled');
      const files = await profilesIn(folder, (budgets.length + 1) * rig.nodes.length);
      const stacks = files
        .filter((file) => file.endsWith(`-${budgets.length + 1}.cpuprofile`))
        .flatMap((file) => readStacks(join(folder, file)));
      // By the clock, so on a busy machine they may seem longer than all that Redis worked.
      const scriptUs = Math.min(cost.redisUs, scripts / received);
      budgets.push({
        load: name,
        steps: [
          ...split(stacks, { received, nodesUs: cost.nodesUs }),
          { step: 'Redis: the scripts', us: scriptUs },
          { step: 'Redis: wake up, sockets, log', us: cost.redisUs - scriptUs },
        ],
      });
    }
    return budgets;
  } finally {
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function closed(seconds: number): Load {
  return { mode: 'closed', outstanding: OUTSTANDING, seconds };
}

async function run(rig: Rig, load: Load): Promise<void> {
  await sign(rig, load);
  await rig.run({ do: 'run', load });
}

async function sign(rig: Rig, load: Load): Promise<void> {
  const perSecond = load.mode === 'open' ? load.perSecond * 1.05 : SIGNED_PER_S_MAX;
  await rig.run({ do: 'sign', envelopes: perSecond * load.seconds });
}

/** The files, once there are so many. */
async function profilesIn(folder: string, count: number): Promise<readonly string[]> {
  const deadlineMs = Date.now() + PROFILE_TIMEOUT_MS;
  for (;;) {
    const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'));
    if (files.length >= count) return files;
    if (Date.now() > deadlineMs) throw new Error(`${files.length} profiles of ${count} were written`);
    await pause(50);
  }
}

/** Inside of EVALSHA, with what the scripts call: a part of the processor time of Redis. */
async function scriptsUs({ store }: Rig<Store>): Promise<number> {
  const stats = String(await store.redis?.call('INFO', 'commandstats'));
  return Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1] ?? 0);
}

/**
 * `nodesUs` by step, largest first. Samples are timed by the clock: on a busy machine they may seem longer than all that
 * nodes worked. What of it they did not see is waking: samples are taken of JavaScript and what it calls.
 */
function split(
  stacks: readonly Stack[],
  { received, nodesUs }: { readonly received: number; readonly nodesUs: number },
): readonly Step[] {
  const sampledUs = stacks.reduce((total, { us }) => total + us, 0) / received;
  const scale = Math.min(1, nodesUs / sampledUs) / received;
  const us = new Map<string, number>([[WAKING, Math.max(0, nodesUs - sampledUs)]]);
  for (const stack of stacks) {
    const step = stepOf(stack);
    us.set(step, (us.get(step) ?? 0) + stack.us * scale);
  }
  return [...us].map(([step, of]) => ({ step, us: of })).sort((a, b) => b.us - a.us);
}

function stepOf({ frames }: Stack): string {
  if (frames.at(-1)?.name === '(garbage collector)') return GARBAGE;
  let ours = false;
  for (const frame of frames.toReversed()) {
    const found = STEPS.find(([places]) => places.test(frame.place));
    if (found !== undefined) return found[1];
    ours ||= frame.ours;
  }
  return ours ? REST : WAKING;
}
