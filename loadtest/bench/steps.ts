import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../test/support/redis/store.ts';
import { readStacks, type Stack } from '../profile/profiles.ts';
import { Rig, startKeyrelay, startShards } from './rig.ts';

/** What one envelope's processor time is spent on, at full load. Microseconds. */
export interface Step {
  readonly step: string;
  readonly us: number;
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
const NATIVE = 'sockets and event loop, native';

const WARM_UP_S = 6;
const OUTSTANDING = 8;
const SIGNED_PER_S_MAX = 12_000;

/** A closed load with both nodes profiled. */
export async function measureSteps(plan: {
  readonly pairs: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  /** What is split: a run that is watched so closely costs more, and only its shares are taken. */
  readonly cost: { readonly nodesUs: number; readonly redisUs: number };
}): Promise<readonly Step[]> {
  const { pairs, payloadBytes, seconds, cost } = plan;
  const profileFolder = mkdtempSync(join(tmpdir(), 'keyrelay-profiles-'));
  const rig = await Rig.start({
    nodes: 2,
    workers: 1,
    store: await startShards(1),
    startNode: (redisUrl, number) => startKeyrelay({ redisUrl, number, profileFolder }),
  });
  let stopped = false;
  try {
    await rig.connect({ count: pairs, payloadBytes, protocol: 1, dialect: null });
    const load = async (s: number) => {
      await rig.run({ do: 'sign', envelopes: SIGNED_PER_S_MAX * s });
      return rig.run({ do: 'run', load: { mode: 'closed', outstanding: OUTSTANDING, seconds: s } });
    };
    await load(WARM_UP_S);
    rig.startProfiles();
    const scriptsBefore = await scriptsUs(rig);
    const before = rig.cpu();
    const results = await load(seconds);
    const after = rig.cpu();
    const scripts = (await scriptsUs(rig)) - scriptsBefore;
    if (results.some(({ received }) => received === 0)) throw new Error('nothing came while it was profiled');
    await rig.stop();
    stopped = true;
    // Redis counts its scripts by the clock, so on a busy machine they may seem longer than all that it worked.
    const scripted = Math.min(1, scripts / (after.redis - before.redis));
    const shares = sharesOf(
      readdirSync(profileFolder).flatMap((file) => readStacks(join(profileFolder, file))),
    );
    return [
      ...shares.map(({ step, share }) => ({ step, us: share * cost.nodesUs })),
      { step: 'Redis: the scripts', us: scripted * cost.redisUs },
      { step: 'Redis: its sockets, replies, log', us: (1 - scripted) * cost.redisUs },
    ];
  } finally {
    if (!stopped) await rig.stop();
    rmSync(profileFolder, { recursive: true, force: true });
  }
}

/** Inside of EVALSHA, with what the scripts call: a part of the processor time of Redis. */
async function scriptsUs({ store }: Rig<Store>): Promise<number> {
  const stats = String(await store.redis?.call('INFO', 'commandstats'));
  return Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1] ?? 0);
}

/** Largest first; they add up to 1. */
function sharesOf(stacks: readonly Stack[]): readonly { readonly step: string; readonly share: number }[] {
  const us = new Map<string, number>();
  for (const stack of stacks) {
    const step = stepOf(stack);
    us.set(step, (us.get(step) ?? 0) + stack.us);
  }
  const all = stacks.reduce((sum, stack) => sum + stack.us, 0);
  return [...us].map(([step, of]) => ({ step, share: of / all })).sort((a, b) => b.share - a.share);
}

function stepOf({ frames }: Stack): string {
  if (frames.at(-1)?.name === '(garbage collector)') return GARBAGE;
  let ours = false;
  for (const frame of frames.toReversed()) {
    const found = STEPS.find(([places]) => places.test(frame.place));
    if (found !== undefined) return found[1];
    ours ||= frame.ours;
  }
  return ours ? REST : NATIVE;
}
