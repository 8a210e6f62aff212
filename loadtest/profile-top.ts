/**
 * Reads .cpuprofile files and prints where the time went, by folder of ours, package and function:
 *
 *   node loadtest/run.mjs profile-top.ts .cache/bench/*.cpuprofile
 */
import { readFileSync } from 'node:fs';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const FUNCTIONS_SHOWN = 40;
/** Waiting, not working. */
const IDLE = new Set(['(idle)', '(root)']);

const self = new Map<string, number>();
/** Charged to the nearest function of ours up the stack; what no function of ours called, to where it began. */
const byCaller = new Map<string, number>();
const byPlace = new Map<string, number>();
let busyUs = 0;

for (const file of process.argv.slice(2)) add(JSON.parse(readFileSync(file, 'utf8')) as Profile);

function add({ nodes, samples, timeDeltas }: Profile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const callerOf = (id: number): string => {
    let nearestRoot = '(no JavaScript)';
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame === undefined) break;
      const name = `${frame.functionName || '(anonymous)'}  ${placeOf(frame.url)}:${frame.lineNumber + 1}`;
      if (frame.url.includes('/dist/')) return name;
      if (frame.functionName !== '(root)') nearestRoot = name;
    }
    return nearestRoot;
  };
  samples.forEach((id, index) => {
    const frame = byId.get(id)?.callFrame;
    const us = timeDeltas[index] ?? 0;
    if (frame === undefined || IDLE.has(frame.functionName)) return;
    busyUs += us;
    const place = placeOf(frame.url);
    const name = `${frame.functionName || '(anonymous)'}  ${place}:${frame.lineNumber + 1}`;
    self.set(name, (self.get(name) ?? 0) + us);
    byPlace.set(place, (byPlace.get(place) ?? 0) + us);
    const caller = callerOf(id);
    byCaller.set(caller, (byCaller.get(caller) ?? 0) + us);
  });
}

/** `node:net`, `ioredis`, `relay/push.js`; native code has no URL. */
function placeOf(url: string): string {
  if (url === '') return '(native)';
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return inPackage ?? url.replace(/^.*\/dist\//, '').replace(/^(node:[^/]+).*$/, '$1');
}

function print(title: string, costs: ReadonlyMap<string, number>, shown: number): void {
  console.log(`\n${title}`);
  const sorted = [...costs].sort(([, one], [, other]) => other - one).slice(0, shown);
  for (const [name, us] of sorted) console.log(`${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${name}`);
}

console.log(`${(busyUs / 1e6).toFixed(1)} s of work`);
print('by place', byPlace, 25);
print('with what it calls outside of ours', byCaller, FUNCTIONS_SHOWN);
print('by function (self)', self, FUNCTIONS_SHOWN);
