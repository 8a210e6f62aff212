/**
 * Reads .cpuprofile files and prints where the time went, by folder of ours, package and function:
 *
 *   node loadtest/run.mjs profile/top.ts .cache/bench/*.cpuprofile
 */
import { type Frame, readStacks } from './profiles.ts';

const PLACES_SHOWN = 25;
const FUNCTIONS_SHOWN = 40;

const self = new Map<string, number>();
/** Charged to the nearest function of ours up the stack; what no function of ours called, to where it began. */
const byCaller = new Map<string, number>();
const byPlace = new Map<string, number>();
let busyUs = 0;

for (const { frames, us } of process.argv.slice(2).flatMap(readStacks)) {
  const leaf = frames.at(-1);
  if (leaf === undefined) continue;
  busyUs += us;
  add(self, label(leaf), us);
  add(byPlace, leaf.place, us);
  add(byCaller, label(frames.findLast(({ ours }) => ours) ?? frames[0] ?? leaf), us);
}

function label({ name, place, line }: Frame): string {
  return `${name}  ${place}:${line}`;
}

function add(costs: Map<string, number>, name: string, us: number): void {
  costs.set(name, (costs.get(name) ?? 0) + us);
}

function print(title: string, costs: ReadonlyMap<string, number>, shown: number): void {
  console.log(`\n${title}`);
  const sorted = [...costs].sort(([, one], [, other]) => other - one).slice(0, shown);
  for (const [name, us] of sorted) console.log(`${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${name}`);
}

console.log(`${(busyUs / 1e6).toFixed(1)} s of work`);
print('by place', byPlace, PLACES_SHOWN);
print('with what it calls outside of ours', byCaller, FUNCTIONS_SHOWN);
print('by function (self)', self, FUNCTIONS_SHOWN);
