import { AofWatch } from '../aof.ts';
import type { Scenario } from '../bench.ts';
import { normalAgain } from './redis-stopped.ts';

const DOWN_MS = 1_000;

export const redisKilledAlways: Scenario = {
  name: 'redis-killed-always',
  row: 4,
  what: 'Redis killed -9 and restarted, appendfsync always: nothing may be lost',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis', redisConf: { appendfsync: 'always' } });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 250);
    const kills = bench.short ? 3 : 20;
    for (let kill = 0; kill < kills; kill += 1) {
      bench.mark('Redis is killed');
      await rig.redis.kill();
      await bench.sleep(DOWN_MS);
      await rig.redis.restart();
      bench.mark('Redis is back');
      await normalAgain(bench, 5_000);
      await bench.sleep(bench.random.integer(200, 1_500));
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};

/** What `appendfsync everysec` promises, and a margin for the clock of this watch. */
const UNSYNCED_MS = 1_000;
/** See lost-tail.ts. */
const NORMAL_WITHIN_MS = 8_000;
const MARGIN_MS = 100;

export const powerCut: Scenario = {
  name: 'power-cut',
  row: 4,
  what: 'power cut with appendfsync everysec: the last second of the file is gone',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 250);
    const aof = new AofWatch(rig.redis);
    const cutAtMs: number[] = [];
    bench.historyMayBeUndone = true;
    bench.mayLose = ({ settledAtMs }) =>
      cutAtMs.some(
        (cut) => settledAtMs !== null && settledAtMs > cut - UNSYNCED_MS - MARGIN_MS && settledAtMs <= cut,
      );
    const cuts = bench.short ? 3 : 20;
    for (let cut = 0; cut < cuts; cut += 1) {
      await bench.sleep(UNSYNCED_MS * 2);
      const atMs = performance.now();
      const kept = aof.bytesAt(atMs - UNSYNCED_MS);
      await rig.redis.kill();
      cutAtMs.push(performance.now());
      bench.mark(`power cut: ${aof.bytes - kept} bytes of the file are gone`);
      await aof.restartCut(kept);
      bench.mark('Redis is back');
      await normalAgain(bench, NORMAL_WITHIN_MS);
    }
    aof.stop();
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
