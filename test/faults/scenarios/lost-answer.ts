import type { Scenario } from '../bench.ts';
import { TcpProxy } from '../proxy.ts';

/** The envelope is stored and its `accepted` never comes: the client sends it again with the same `id`. */
export const lostAnswer: Scenario = {
  name: 'lost-answer',
  row: 8,
  what: 'cut after storing and before accepted; sent again with the same id',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const proxies = await Promise.all(rig.nodes.map(({ port }) => TcpProxy.start({ port })));
    try {
      // Protocol 2 tells the mailbox id of each arrival: one that is stored twice has two.
      const crowd = await bench.crowd({
        count: 30,
        dial: () => `ws://127.0.0.1:${bench.random.pick(proxies).port}/ws`,
        protocol2Share: 1,
        client: { backoffMsMax: 100 },
      });
      await bench.warmUp(crowd, 400);
      const cuts = bench.short ? 25 : 250;
      for (let cut = 0; cut < cuts; cut += 1) {
        const proxy = bench.random.pick(proxies);
        proxy.add({ kind: 'blackhole' }, 'down');
        await bench.sleep(bench.random.integer(20, 150));
        proxy.reset();
        proxy.heal();
        await bench.sleep(bench.random.integer(50, 250));
      }
      bench.mark(`${cuts} times everybody's answers were cut off`);
      await bench.untilAccepted(bench.acceptedMin, 60_000);
      await bench.heal();
      const repeated = await Promise.all(
        rig.nodes.map((node) => node.metric('keyrelay_envelopes_received_total', 'outcome="repeated"')),
      );
      const sum = repeated.reduce((a, b) => a + b, 0);
      bench.rule('some were stored and sent again', sum > 0, `${sum} repeats recognised`);
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  },
};
