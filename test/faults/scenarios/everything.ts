import type { Scenario } from '../bench.ts';
import { plan, rage } from '../nemesis.ts';

const NODES = 3;

export const everything: Scenario = {
  name: 'everything',
  row: 25,
  what: 'all of these at random, every 5-10 s, 1 h, 1,000,000 envelopes',
  async run(bench) {
    const lastsMs = (bench.minutes ?? (bench.short ? 1 : 60)) * 60_000;
    if (!bench.short && bench.minutes === null) bench.acceptedMin = 1_000_000;
    const rig = await bench.rig({
      nodes: NODES,
      store: 'redis',
      proxied: true,
      redisConf: { appendfsync: 'always' },
      settings: { RELAY_DRAIN_MS: '1000' },
    });
    const crowd = await bench.crowd({ count: 60, client: { silenceMs: 4_000 } });
    await bench.warmUp(crowd, 330);
    await rage(plan(bench.random.fork('nemesis'), { lastsMs, nodes: NODES }), { bench, rig, crowd });
    await bench.untilAccepted(bench.acceptedMin, 600_000);
    await bench.heal();
  },
};
