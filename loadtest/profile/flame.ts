/**
 * Draws .cpuprofile files as one flame graph, callers above what they call, as wide as the time that it took:
 *
 *   node loadtest/run.mjs profile/flame.ts docs/images/flame-node.svg .cache/bench/*.cpuprofile
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { box, escaped, label, picture } from '../../test/support/plots/svg.ts';
import { type Frame, readStacks, type Stack } from './profiles.ts';

const WIDTH = 1200;
const ROW = 18;
const TOP = 56;
const MARGIN = 10;
/** Narrower boxes are left out: they cannot be pointed at. */
const PX_MIN = 0.6;
const TEXT_PX_MIN = 28;
const CHARACTER_PX = 6;
/** By what a frame belongs to: our folders, then what is not ours. */
const COLOURS: Readonly<Record<string, string>> = {
  relay: '#56b4e9',
  protocol: '#009e73',
  crypto: '#e69f00',
  engine: '#9fc5f8',
  'ops, cli': '#b7b7d7',
  'packages and Node': '#f0e442',
  'native: system calls, libsodium, V8': '#cc79a7',
};

/** One call path. */
interface Call {
  readonly name: string;
  readonly group: string;
  us: number;
  readonly calls: Map<string, Call>;
}

const [target, ...files] = process.argv.slice(2);
if (target === undefined || files.length === 0)
  throw new Error('which files? for example: profile/flame.ts flame.svg .cache/bench/*.cpuprofile');
const root: Call = { name: 'all', group: '', us: 0, calls: new Map() };
for (const stack of files.flatMap(readStacks)) add(stack);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, draw(root));
console.log(`${target}: ${(root.us / 1e6).toFixed(1)} s of work`);

/** What is not ours is one box a package, however deep its own calls go. */
function add({ frames, us }: Stack): void {
  root.us += us;
  let at = root;
  for (const frame of frames) {
    const { name, group } = titleOf(frame);
    if (!frame.ours && at.name === name) continue;
    const next: Call = at.calls.get(name) ?? { name, group, us: 0, calls: new Map() };
    next.us += us;
    at.calls.set(name, next);
    at = next;
  }
}

function titleOf({ name, place, ours }: Frame): { name: string; group: string } {
  if (place === '(native)') {
    // V8 knows libsodium's functions by the nearest exported symbol only, which is hardly ever the right one.
    const known = /^(?:crypto|sodium)_/.test(name) ? 'libsodium' : name;
    return { name: known, group: 'native: system calls, libsodium, V8' };
  }
  if (!ours) return { name: place.startsWith('node:') ? 'Node' : place, group: 'packages and Node' };
  const folder = place.split('/')[0] ?? '';
  return { name: `${name}  ${place}`, group: folder in COLOURS ? folder : 'ops, cli' };
}

function draw(all: Call): string {
  const pxOf = (us: number) => (us / all.us) * (WIDTH - 2 * MARGIN);
  let depthMax = 0;
  const boxes: string[] = [];
  const place = (call: Call, left: number, depth: number): void => {
    depthMax = Math.max(depthMax, depth);
    let x = left;
    for (const child of [...call.calls.values()].sort((one, other) => other.us - one.us)) {
      const width = pxOf(child.us);
      if (width < PX_MIN) continue;
      boxes.push(rectangle(child, { x, y: TOP + depth * ROW, width, share: child.us / all.us }));
      place(child, x, depth + 1);
      x += width;
    }
  };
  place(all, MARGIN, 0);
  const legends = Object.keys(COLOURS).flatMap((name, index) => {
    const x = MARGIN + index * 150;
    const fill = COLOURS[name] ?? '';
    return [box({ x, y: 30, width: 12, height: 12, fill }), label(name, { x: x + 17, y: 40 })];
  });
  return picture({
    title: 'Where the nodes’ processor time goes, at full load',
    width: WIDTH,
    height: TOP + depthMax * ROW + MARGIN,
    left: MARGIN,
    fontSize: 11,
    parts: [...legends, ...boxes],
  });
}

function rectangle(
  { name, group }: Call,
  at: { readonly x: number; readonly y: number; readonly width: number; readonly share: number },
): string {
  const { x, y, width, share } = at;
  const text = width < TEXT_PX_MIN ? '' : name.slice(0, Math.floor((width - 4) / CHARACTER_PX));
  // Half a pixel of white separates neighbours.
  const area = box({ x, y, width: width - 0.5, height: ROW - 1, fill: COLOURS[group] ?? '#ddd' });
  const title = `<title>${escaped(name)}: ${(share * 100).toFixed(1)} %</title>`;
  return `<g>${title}${area}${text === '' ? '' : label(text, { x: x + 3, y: y + 12 })}</g>`;
}
