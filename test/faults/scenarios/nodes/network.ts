import { needs } from '../../harness/needs.ts';
import type { Rig } from '../../harness/rig.ts';
import { NotRun, type Scenario, type Trial } from '../../harness/trial.ts';
import { canDropPackets, dropPackets } from '../../injectors/packets.ts';
import type { Toxic } from '../../injectors/proxy.ts';
import { normalAgain } from '../redis/redis-stopped.ts';
import { untilNotReady } from '../redis/silent-subscription.ts';

const KBIT_BYTES = 1_000 / 8;

interface Trouble {
  readonly what: string;
  /** Whether the node cannot work with it, and must say so. */
  readonly fatal: boolean;
  begin(rig: Rig): () => void;
}

function toxic(what: string, fatal: boolean, added: Toxic, directions: readonly ('up' | 'down')[]): Trouble {
  return {
    what,
    fatal,
    begin: (rig) => {
      rig.proxy(0).add(added, ...directions);
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

async function suffer(trial: Trial, rig: Rig, trouble: Trouble): Promise<void> {
  trial.mark(`node-1 and Redis: ${trouble.what}`);
  const end = trouble.begin(rig);
  try {
    if (trouble.fatal) {
      trial.atMost(
        `${trouble.what}: not ready after`,
        await untilNotReady(trial, rig.node(0), 15_000),
        5_000,
      );
    }
    await trial.sleep(trial.short ? 4_000 : 300_000);
  } finally {
    end();
  }
  await normalAgain(trial, 5_000);
}

export const network: Scenario = {
  name: 'network',
  row: 20,
  what: 'node and Redis: dropped, reset, delayed, cut to pieces, narrow, lossy, one direction only',
  async run(trial) {
    needs('nft');
    if (!canDropPackets()) throw new NotRun('dropping packets needs the right to use nft');
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 30 });
    await trial.warmUp(crowd, 60);
    for (const trouble of TROUBLES) await suffer(trial, rig, trouble);
    crowd.write(200);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
