import type { Scenario } from '../../harness/trial.ts';

/** Longer than the shortest idle timeout that uWebSockets has, after which it would send pings of its own. */
const STOPPED_MS = 12_000;

export const newestPong: Scenario = {
  name: 'newest-pong',
  row: 12,
  what: 'clients that stop reading for 12 s and then answer only the newest ping, as RFC 6455 allows',
  async run(trial) {
    // Liveness must not be what makes the receipts good: they have to come by themselves.
    const settings = { RELAY_PING_INTERVAL_MS: '60000', RELAY_PONG_TIMEOUT_MS: '60000' };
    const rig = await trial.rig({ nodes: 2, store: 'redis', settings });
    const crowd = await trial.crowd({
      count: 30,
      protocol2Share: 0,
      client: { silenceMs: 600_000, newestPongOnly: true },
    });
    await trial.warmUp(crowd, 200);
    for (let round = 0; round < (trial.short ? 2 : 10); round += 1) {
      await trial.sleep(1_000);
      trial.mark('no client reads');
      for (const client of crowd.clients) client.socket?.pause();
      await trial.sleep(1_000);
      crowd.rest();
      await trial.sleep(STOPPED_MS);
      trial.mark('all clients read again');
      for (const client of crowd.clients) client.socket?.resume();
      await trial.until(() => trial.journal.missing === 0, 5_000);
      await trial.confirmed(`what was read has been confirmed (${round + 1})`);
      crowd.write(200);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const foreign = await Promise.all(
      rig.nodes.map((node) => node.metric('keyrelay_foreign_receipts_total')),
    );
    trial.atMost(
      'pongs that answer no ping of ours',
      foreign.reduce((a, b) => a + b, 0),
      0,
      'pongs',
    );
  },
};
