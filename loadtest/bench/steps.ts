import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisCli } from '../store.ts';
import { Rig, startKeyrelay } from './rig.ts';

/** What one envelope's processor time is spent on, at full load. Microseconds. */
export interface Step {
  readonly step: string;
  readonly us: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** By the nearest function on the stack whose file is one of these; native code and packages count to who calls them. */
const STEPS: readonly (readonly [RegExp, string])[] = [
  [/\/dist\/crypto\//, 'verify'],
  [/\/dist\/protocol\/delivered|\/dist\/relay\/delivered/, 'copy for the recipient'],
  [/\/dist\/protocol\//, 'decode'],
  [/\/dist\/engine\/redis\/|\/node_modules\/ioredis\/|\/node_modules\/@ioredis\//, 'talk to Redis'],
  [/\/dist\/relay\/(outbox|gathering)/, 'outbox'],
  [/\/dist\/relay\/(push|window|receipts|poison)/, 'push, ping, confirm'],
  [/\/dist\/relay\/(gateway|socket|connection|turns)/, 'sockets'],
  [/\/dist\//, 'the rest of the relay'],
  // Of what a node does in JavaScript only its Redis connections use Node's own streams.
  [/^node:/, 'talk to Redis'],
];
const GARBAGE = 'collect garbage';
const NATIVE = 'sockets and event loop, native';

const WARM_UP_S = 6;
const OUTSTANDING = 8;
const SIGNED_PER_S_MAX = 12_000;
const IDLE = new Set(['(idle)', '(root)']);

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
    const scriptsBefore = scriptsUs(rig);
    const before = rig.cpu();
    const results = await load(seconds);
    const after = rig.cpu();
    const scripts = scriptsUs(rig) - scriptsBefore;
    if (results.some(({ received }) => received === 0)) throw new Error('nothing came while it was profiled');
    await rig.stop();
    stopped = true;
    // Redis counts its scripts by the clock, so on a busy machine they may seem longer than all that it worked.
    const scripted = Math.min(1, scripts / (after.redis - before.redis));
    const shares = sharesOf(readdirSync(profileFolder).map((file) => readProfile(join(profileFolder, file))));
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
function scriptsUs(rig: Rig): number {
  const [port] = rig.store.ports;
  const stats = redisCli(['-p', `${port}`, 'INFO', 'commandstats']);
  return Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1] ?? 0);
}

function readProfile(file: string): Profile {
  return JSON.parse(readFileSync(file, 'utf8')) as Profile;
}

/** Largest first; they add up to 1. */
function sharesOf(
  profiles: readonly Profile[],
): readonly { readonly step: string; readonly share: number }[] {
  const us = new Map<string, number>();
  for (const profile of profiles) add(profile, us);
  const all = [...us.values()].reduce((a, b) => a + b, 0);
  return [...us].map(([step, of]) => ({ step, share: of / all })).sort((a, b) => b.share - a.share);
}

function add({ nodes, samples, timeDeltas }: Profile, us: Map<string, number>): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const steps = new Map<number, string | null>();
  const stepOf = (id: number): string | null => {
    const leaf = byId.get(id)?.callFrame.functionName ?? '';
    if (IDLE.has(leaf)) return null;
    if (leaf === '(garbage collector)') return GARBAGE;
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const url = byId.get(at)?.callFrame.url ?? '';
      const found = STEPS.find(([files]) => files.test(url));
      if (found !== undefined) return found[1];
    }
    return NATIVE;
  };
  samples.forEach((id, index) => {
    const known = steps.get(id);
    const step = known === undefined ? stepOf(id) : known;
    steps.set(id, step);
    if (step !== null) us.set(step, (us.get(step) ?? 0) + (timeDeltas[index] ?? 0));
  });
}
