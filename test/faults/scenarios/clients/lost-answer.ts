import type { Scenario } from '../../harness/trial.ts';
import { TcpProxy } from '../../injectors/proxy.ts';

/** The envelope is stored and its `accepted` never comes: the client sends it again with the same `id`. */
export const lostAnswer: Scenario = {
  name: 'lost-answer',
  row: 8,
  what: 'cut after storing and before accepted; sent again with the same id',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const proxies = await Promise.all(rig.nodes.map(({ port }) => TcpProxy.start({ port })));
    try {
      // Protocol 2 tells the mailbox id of each arrival: one that is stored twice has two.
      const crowd = await trial.crowd({
        count: 30,
        dial: () => `ws://127.0.0.1:${trial.random.pick(proxies).port}/ws`,
        protocol2Share: 1,
        client: { backoffMsMax: 100 },
      });
      await trial.warmUp(crowd, 400);
      const cuts = trial.short ? 25 : 250;
      for (let cut = 0; cut < cuts; cut += 1) {
        const proxy = trial.random.pick(proxies);
        proxy.add({ kind: 'blackhole' }, 'down');
        await trial.sleep(trial.random.integer(20, 150));
        proxy.reset();
        proxy.heal();
        await trial.sleep(trial.random.integer(50, 250));
      }
      trial.mark(`the answers to all clients were cut off ${cuts} times`);
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      const repeated = await Promise.all(
        rig.nodes.map((node) => node.metric('keyrelay_envelopes_received_total', 'outcome="repeated"')),
      );
      const sum = repeated.reduce((a, b) => a + b, 0);
      trial.rule('some were stored and sent again', sum > 0, `${sum} repeats recognised`);
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  },
};
