import type { Scenario } from '../bench.ts';

/** A connection dies between delivery and receipt: what was received comes again, the same bytes. */
export const cutBeforeReceipt: Scenario = {
  name: 'cut-before-receipt',
  row: 7,
  what: 'connections cut between delivery and confirmation, 1,000 times',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 24, client: { backoffMsMax: 200 } });
    await bench.warmUp(crowd, 500);
    bench.mark('cutting begins');
    const cutsMin = bench.short ? 200 : 1_000;
    let cuts = 0;
    for (const client of crowd.clients) {
      client.onConnected = () => {
        client.confirming = bench.random.next() < 0.5;
      };
      client.onArrival = () => {
        if (cuts >= cutsMin) return;
        if (client.confirming) client.confirming = bench.random.next() < 0.8;
        else if (bench.random.next() < 0.5 && client.cut()) cuts += 1;
      };
    }
    await bench.until(() => cuts >= cutsMin, 120_000);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    for (const client of crowd.clients) {
      client.onConnected = () => undefined;
      client.onArrival = () => undefined;
      if (!client.confirming) client.cut();
      client.confirming = true;
    }
    await bench.heal();
    const pushed = await Promise.all(rig.nodes.map((node) => node.metric('keyrelay_envelopes_pushed_total')));
    const again = bench.journal.arrivals.length - bench.journal.received;
    bench.rule('cut so often', cuts >= cutsMin, `${cuts}`);
    bench.rule('what was cut off came again', again > 0, `${again} again, ${pushed.join(' + ')} pushed`);
  },
};
