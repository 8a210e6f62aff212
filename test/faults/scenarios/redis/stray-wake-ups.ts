import type { Scenario } from '../../harness/trial.ts';

const MEASURED_S = 6;

export const strayWakeUps: Scenario = {
  name: 'stray-wake-ups',
  row: 28,
  what: 'wake-ups on the channels of idle mailboxes announce ids far ahead that nothing was stored under',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    crowd.rest();
    await trial.until(() => trial.journal.missing === 0, 10_000);
    const reads = async () => {
      const counts = await Promise.all(rig.nodes.map((node) => node.metric('keyrelay_mailbox_reads_total')));
      return counts.reduce((a, b) => a + b, 0);
    };
    const publish = async () => {
      for (const { user } of crowd.clients)
        await rig.redis.call('SPUBLISH', `inbox:{${user.code}}`, 'w9999999999999999-1 5-5\nx');
    };
    const measure = async (what: string, everyMs: number) => {
      trial.mark(what);
      const before = await reads();
      const startedMs = performance.now();
      do {
        await publish();
        await trial.sleep(everyMs);
      } while (performance.now() - startedMs < MEASURED_S * 1_000);
      const seconds = (performance.now() - startedMs) / 1_000;
      const perSecond = ((await reads()) - before) / seconds / crowd.clients.length;
      // One read follows the first wake-up at once, on top of one a second.
      trial.atMost(`reads of an idle session, ${what}`, perSecond, 1 + 1 / seconds + 0.1, 'a second');
    };
    await measure('one wake-up for each', MEASURED_S * 1_000);
    await measure('twenty a second for each', 50);
    crowd.write(250);
    await trial.sleep(3_000);
    await trial.heal();
  },
};
