import type { Scenario } from '../../harness/trial.ts';
import { AofWatch } from '../../injectors/aof.ts';
import { normalAgain } from './redis-stopped.ts';

const DOWN_MS = 1_000;

export const redisKilledAlways: Scenario = {
  name: 'redis-killed-always',
  row: 4,
  what: 'Redis killed -9 and restarted, appendfsync always: nothing may be lost',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', redisConf: { appendfsync: 'always' } });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const kills = trial.short ? 3 : 20;
    for (let kill = 0; kill < kills; kill += 1) {
      trial.mark('Redis is killed');
      await rig.redis.kill();
      await trial.sleep(DOWN_MS);
      await rig.redis.restart();
      trial.mark('Redis is back');
      await normalAgain(trial, 5_000);
      await trial.sleep(trial.random.integer(200, 1_500));
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
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
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const aof = new AofWatch(rig.redis);
    const cutAtMs: number[] = [];
    trial.historyMayBeUndone = true;
    trial.mayLose = ({ settledAtMs }) =>
      cutAtMs.some(
        (cut) => settledAtMs !== null && settledAtMs > cut - UNSYNCED_MS - MARGIN_MS && settledAtMs <= cut,
      );
    const cuts = trial.short ? 3 : 20;
    for (let cut = 0; cut < cuts; cut += 1) {
      await trial.sleep(UNSYNCED_MS * 2);
      const atMs = performance.now();
      const kept = aof.bytesAt(atMs - UNSYNCED_MS);
      await rig.redis.kill();
      cutAtMs.push(performance.now());
      trial.mark(`power cut: ${aof.bytes - kept} bytes of the file are gone`);
      await aof.restartCut(kept);
      trial.mark('Redis is back');
      await normalAgain(trial, NORMAL_WITHIN_MS);
    }
    aof.stop();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
