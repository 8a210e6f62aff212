import type { Scenario } from '../../harness/trial.ts';

export const killNodes: Scenario = {
  name: 'kill-nodes',
  row: 2,
  what: 'a random node killed -9 every 5 s, 100,000 accepted',
  async run(trial) {
    if (!trial.short) trial.acceptedMin = 100_000;
    const rig = await trial.rig({ nodes: 3, store: 'redis' });
    const crowd = await trial.crowd({ count: 60 });
    await trial.warmUp(crowd, 400);
    const kills = trial.short ? 4 : 60;
    for (let kill = 0; kill < kills; kill += 1) {
      const node = trial.random.pick(rig.nodes);
      trial.mark(`kill -9 ${node.id}`);
      await node.kill();
      await trial.sleep(trial.random.integer(500, 2_000));
      await node.start();
      trial.mark(`${node.id} is back`);
      await trial.sleep(trial.random.integer(500, 2_500));
    }
    await trial.untilAccepted(trial.acceptedMin, 120_000);
    await trial.heal();
    trial.atMost('99 of 100 envelopes arrived after', trial.delay(0.99), 5_000);
  },
};
