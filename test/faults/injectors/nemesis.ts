import type { Random } from '../../support/random.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import type { Crowd } from '../clients/crowd.ts';
import type { Rig } from '../harness/rig.ts';
import type { Trial } from '../harness/trial.ts';

/** What a nemesis works on: several nodes, one Redis that loses nothing it has answered, a proxy per node. */
export interface Victims {
  readonly trial: Trial;
  readonly rig: Rig;
  readonly crowd: Crowd;
}

/** One thing that goes wrong, and is over when the promise resolves. */
interface Disturbance {
  readonly name: string;
  run(victims: Victims, choice: Choice): Promise<void>;
}

/** What chance decided beforehand. */
interface Choice {
  readonly node: number;
  readonly lastsMs: number;
  /** In [0, 1). */
  readonly share: number;
}

const STARTS_MAX = 10;

/** As a supervisor does: a node that finds no Redis at its start ends, and is started again. */
async function startAgain(trial: Trial, node: RelayNode): Promise<void> {
  for (let start = 1; ; start += 1) {
    try {
      await node.start();
      return;
    } catch (error) {
      if (start === STARTS_MAX) throw error;
      trial.mark(`${node.id} did not start (${String(error).split('\n')[1] ?? error}), and is started again`);
      await trial.sleep(1_000);
    }
  }
}

const DISTURBANCES: readonly Disturbance[] = [
  {
    name: 'kill -9 a node',
    run: async ({ rig, trial }, { node, lastsMs }) => {
      await rig.node(node).kill();
      await trial.sleep(lastsMs / 4);
      await startAgain(trial, rig.node(node));
    },
  },
  {
    name: 'stop a node (SIGSTOP)',
    run: async ({ rig, trial }, { node, lastsMs }) => {
      rig.node(node).pause();
      await trial.sleep(lastsMs);
      rig.node(node).resume();
    },
  },
  {
    name: 'drain a node (SIGTERM) and start it again',
    run: async ({ rig, trial }, { node }) => {
      await rig.node(node).stop();
      await startAgain(trial, rig.node(node));
    },
  },
  {
    name: 'kill -9 Redis',
    run: async ({ rig, trial }, { lastsMs }) => {
      await rig.redis.kill();
      await trial.sleep(lastsMs / 4);
      await rig.redis.restart();
    },
  },
  {
    name: 'stop Redis (SIGSTOP)',
    run: async ({ rig, trial }, { lastsMs }) => {
      rig.redis.pause();
      await trial.sleep(lastsMs);
      rig.redis.resume();
    },
  },
  {
    name: 'a node hears no publish',
    run: async ({ rig, trial }, { node, lastsMs }) => {
      rig.proxy(node).add({ kind: 'silence', channel: () => true }, 'down');
      await trial.sleep(lastsMs);
      rig.proxy(node).heal();
    },
  },
  {
    name: 'a node hears some publishes',
    run: async ({ rig, trial }, { node, lastsMs, share }) => {
      const random = trial.random.fork(`silence ${share}`);
      rig.proxy(node).add({ kind: 'silence', channel: () => random.next() < share }, 'down');
      await trial.sleep(lastsMs);
      rig.proxy(node).heal();
    },
  },
  {
    name: 'a node and Redis: dropped',
    run: async ({ rig, trial }, { node, lastsMs, share }) => {
      const directions =
        share < 0.3 ? (['up'] as const) : share < 0.6 ? (['down'] as const) : (['up', 'down'] as const);
      rig.proxy(node).add({ kind: 'blackhole' }, ...directions);
      await trial.sleep(lastsMs);
      rig.proxy(node).heal();
    },
  },
  {
    name: 'a node and Redis: late',
    run: async ({ rig, trial }, { node, lastsMs, share }) => {
      rig.proxy(node).add({ kind: 'latency', latencyMs: 20 + 100 * share, jitterMs: 20 }, 'up', 'down');
      await trial.sleep(lastsMs);
      rig.proxy(node).heal();
    },
  },
  {
    name: 'a node and Redis: reset, now and then',
    run: async ({ rig, trial }, { node, lastsMs }) => {
      const endMs = performance.now() + lastsMs;
      while (performance.now() < endMs) {
        rig.proxy(node).reset();
        await trial.sleep(lastsMs / 8);
      }
    },
  },
  {
    name: 'scripts are flushed, connections killed',
    run: async ({ rig }) => {
      await rig.redis.call('SCRIPT', 'FLUSH');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    },
  },
  {
    name: 'some clients lose their connection',
    run: async ({ crowd, trial }, { share }) => {
      const random = trial.random.fork(`cut ${share}`);
      for (const client of crowd.clients) if (random.next() < share) client.cut();
    },
  },
  {
    name: 'some clients receive and do not confirm, then lose their connection',
    run: async ({ crowd, trial }, { share, lastsMs }) => {
      const random = trial.random.fork(`unconfirmed ${share}`);
      const some = crowd.clients.filter(() => random.next() < share / 2);
      for (const client of some) client.confirming = false;
      await trial.sleep(lastsMs / 4);
      for (const client of some) {
        client.cut();
        client.confirming = true;
      }
    },
  },
];

/** What happens when: all of it from the seed, before anything runs. */
export function plan(random: Random, options: { readonly lastsMs: number; readonly nodes: number }) {
  const steps: { readonly atMs: number; readonly disturbance: Disturbance; readonly choice: Choice }[] = [];
  for (let atMs = 2_000; atMs < options.lastsMs; atMs += random.integer(5_000, 10_000)) {
    const disturbance = random.pick(DISTURBANCES);
    const node = random.integer(0, options.nodes - 1);
    steps.push({
      atMs,
      disturbance,
      choice: { node, lastsMs: random.integer(1_000, 8_000), share: random.next() },
    });
  }
  return steps;
}

/** Carries a plan out. One thing may begin while another is not over; what is broken already is not broken again. */
export async function rage(steps: ReturnType<typeof plan>, victims: Victims): Promise<void> {
  const { trial } = victims;
  const startedMs = performance.now();
  const busy = new Set<string>();
  const running: Promise<void>[] = [];
  for (const { atMs, disturbance, choice } of steps) {
    await trial.sleep(Math.max(0, atMs - (performance.now() - startedMs)));
    const { name } = disturbance;
    const what = /Redis \(|-9 Redis|flushed/.test(name)
      ? 'Redis'
      : /node/.test(name)
        ? `node-${choice.node + 1}`
        : name;
    if (busy.has(what)) continue;
    busy.add(what);
    trial.mark(what.startsWith('node') ? `${name}: ${what}` : name);
    const run = disturbance.run(victims, choice).catch((error: unknown) => {
      trial.rule(`${name} is over`, false, String(error));
    });
    running.push(run.finally(() => busy.delete(what)));
  }
  await Promise.all(running);
}
