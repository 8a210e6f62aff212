import type { Scenario } from '../bench.ts';

export const killNodes: Scenario = {
  name: 'kill-nodes',
  row: 2,
  what: 'a random node killed -9 every 5 s, 100,000 accepted',
  async run(bench) {
    if (!bench.short) bench.acceptedMin = 100_000;
    const rig = await bench.rig({ nodes: 3, store: 'redis' });
    const crowd = await bench.crowd({ count: 60 });
    await bench.warmUp(crowd, 400);
    const kills = bench.short ? 4 : 60;
    for (let kill = 0; kill < kills; kill += 1) {
      const node = bench.random.pick(rig.nodes);
      bench.mark(`kill -9 ${node.name}`);
      await node.kill();
      await bench.sleep(bench.random.integer(500, 2_000));
      await node.start();
      bench.mark(`${node.name} is back`);
      await bench.sleep(bench.random.integer(500, 2_500));
    }
    await bench.untilAccepted(bench.acceptedMin, 120_000);
    await bench.heal();
    bench.atMost('99 of 100 envelopes arrived after', bench.delay(0.99), 5_000);
  },
};
