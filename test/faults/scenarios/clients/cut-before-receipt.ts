import type { RecordingClient } from '../../clients/recording-client.ts';
import type { Scenario } from '../../harness/trial.ts';

const CUT_WITHIN_MS = 100;

/** A connection dies between delivery and receipt: what was received comes again, the same bytes. */
export const cutBeforeReceipt: Scenario = {
  name: 'cut-before-receipt',
  row: 7,
  what: 'connections cut between delivery and confirmation, 1,000 times',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 24, client: { backoffMsMax: 200 } });
    await trial.warmUp(crowd, 500);
    trial.mark('cutting begins');
    const cutsMin = trial.short ? 200 : 1_000;
    let cuts = 0;
    // Or a node that waits for the receipt of one envelope waits its 90 s.
    const cutSoon = (client: RecordingClient) => {
      const { connection } = client;
      const cut = () => {
        if (client.connection === connection && client.cut()) cuts += 1;
      };
      setTimeout(cut, trial.random.integer(0, CUT_WITHIN_MS));
    };
    for (const client of crowd.clients) {
      client.onConnected = () => {
        client.confirming = trial.random.next() < 0.5;
      };
      client.onArrival = () => {
        if (cuts >= cutsMin) return;
        client.confirming &&= trial.random.next() < 0.8;
        if (!client.confirming) cutSoon(client);
      };
    }
    await trial.until(() => cuts >= cutsMin, 120_000);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    for (const client of crowd.clients) {
      client.onConnected = () => undefined;
      client.onArrival = () => undefined;
      if (!client.confirming) client.cut();
      client.confirming = true;
    }
    await trial.heal();
    const pushed = await Promise.all(rig.nodes.map((node) => node.metric('keyrelay_envelopes_pushed_total')));
    const again = trial.journal.arrivals.length - trial.journal.received;
    trial.rule('cut so often', cuts >= cutsMin, `${cuts}`);
    trial.rule('what was cut off came again', again > 0, `${again} again, ${pushed.join(' + ')} pushed`);
  },
};
