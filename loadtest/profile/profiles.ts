import { readFileSync } from 'node:fs';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** A .cpuprofile as V8 writes it: times in microseconds. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** One function that ran, or called what ran. */
export interface Frame {
  /** `(anonymous)` if it has none. */
  readonly name: string;
  /** `relay/push.js`, `ioredis`, `node:net`; `(native)` for what is no JavaScript. */
  readonly place: string;
  /** From 1. */
  readonly line: number;
  /** Whether it is a file of the relay. */
  readonly ours: boolean;
}

/** Where some of the time went: outermost function first. */
export interface Stack {
  readonly frames: readonly Frame[];
  readonly us: number;
}

/** Waiting, not working. */
const IDLE = new Set(['(idle)', '(root)']);
/** Preloaded into the node: what recording itself takes is no work of the node. */
const RECORDER = 'loadtest/profile/preload.mjs';

/** What a process worked on, each stack once. */
export function readStacks(file: string): readonly Stack[] {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const spent = new Map<number, number>();
  samples.forEach((id, index) => {
    spent.set(id, (spent.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const stacks: Stack[] = [];
  for (const [leaf, us] of spent) {
    const frames: Frame[] = [];
    let recording = false;
    for (let at: number | undefined = leaf; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      recording ||= node?.callFrame.url.endsWith(RECORDER) === true;
      if (node !== undefined && !(at !== leaf && IDLE.has(node.callFrame.functionName)))
        frames.unshift(frameOf(node.callFrame));
    }
    if (!recording && !IDLE.has(frames.at(-1)?.name ?? '')) stacks.push({ frames, us });
  }
  return stacks;
}

function frameOf({ functionName, url, lineNumber }: CallFrame): Frame {
  return {
    name: functionName || '(anonymous)',
    place: placeOf(url),
    line: lineNumber + 1,
    ours: url.includes('/dist/') && !url.includes('/node_modules/'),
  };
}

function placeOf(url: string): string {
  if (url === '') return '(native)';
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return inPackage ?? url.replace(/^.*\/dist\//, '').replace(/^(node:[^/]+).*$/, '$1');
}
