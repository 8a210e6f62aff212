import { type Bench, NotRun, type Scenario } from '../bench.ts';
import { canDropPackets, dropPackets } from '../packets.ts';
import type { Toxic } from '../proxy.ts';
import type { Rig } from '../rig.ts';
import { untilNotReady } from './deaf.ts';
import { normalAgain } from './redis-stopped.ts';

const KBIT_BYTES = 1_000 / 8;

interface Trouble {
  readonly what: string;
  /** Whether the node cannot work with it, and must say so. */
  readonly fatal: boolean;
  begin(rig: Rig): () => void;
}

function toxic(what: string, fatal: boolean, poison: Toxic, directions: readonly ('up' | 'down')[]): Trouble {
  return {
    what,
    fatal,
    begin: (rig) => {
      rig.proxy(0).add(poison, ...directions);
      return () => rig.proxy(0).heal();
    },
  };
}

const TROUBLES: readonly Trouble[] = [
  toxic('everything is dropped', true, { kind: 'blackhole' }, ['up', 'down']),
  toxic('what the node sends is dropped', true, { kind: 'blackhole' }, ['up']),
  toxic('what Redis answers is dropped', true, { kind: 'blackhole' }, ['down']),
  {
    what: 'connections are reset, new ones too',
    fatal: true,
    begin: (rig) => {
      rig.proxy(0).refuse();
      return () => rig.proxy(0).heal();
    },
  },
  toxic('50 ms later, give or take 40', false, { kind: 'latency', latencyMs: 50, jitterMs: 40 }, [
    'up',
    'down',
  ]),
  toxic('in pieces of 3 bytes', false, { kind: 'slicer', bytesMax: 3 }, ['down']),
  toxic('64 kbit/s', false, { kind: 'bandwidth', bytesPerSecond: 64 * KBIT_BYTES }, ['up', 'down']),
  {
    what: 'every fifth packet to and from Redis is lost',
    fatal: false,
    begin: (rig) => dropPackets(rig.redis.port, 20),
  },
];

async function suffer(bench: Bench, rig: Rig, trouble: Trouble): Promise<void> {
  bench.mark(`node-1 and Redis: ${trouble.what}`);
  const end = trouble.begin(rig);
  try {
    if (trouble.fatal) {
      bench.atMost(
        `${trouble.what}: not ready after`,
        await untilNotReady(bench, rig.node(0), 15_000),
        5_000,
      );
    }
    await bench.sleep(bench.short ? 4_000 : 300_000);
  } finally {
    end();
  }
  await normalAgain(bench, 5_000);
}

export const network: Scenario = {
  name: 'network',
  row: 20,
  what: 'node and Redis: dropped, reset, delayed, cut to pieces, narrow, lossy, one direction only',
  async run(bench) {
    if (!canDropPackets()) throw new NotRun('dropping packets needs nft, and the right to use it');
    const rig = await bench.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await bench.crowd({ count: 30 });
    await bench.warmUp(crowd, 60);
    for (const trouble of TROUBLES) await suffer(bench, rig, trouble);
    crowd.write(200);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
