import type { Scenario } from '../../harness/trial.ts';

export const zombie: Scenario = {
  name: 'zombie',
  row: 6,
  what: 'a node stopped for 30 s while its users go elsewhere, then continued',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    // A client that hears nothing for 3 s takes the connection for dead and dials again.
    const crowd = await trial.crowd({ count: 40, client: { silenceMs: 3_000, backoffMsMax: 500 } });
    await trial.warmUp(crowd, 250);
    const rounds = trial.short ? 2 : 5;
    for (let round = 0; round < rounds; round += 1) {
      const node = rig.node(round % 2);
      trial.mark(`${node.id} is stopped`);
      node.pause();
      await trial.sleep(trial.short ? 8_000 : 30_000);
      trial.rule(
        `every client has gone elsewhere (${round + 1})`,
        crowd.connected === crowd.clients.length,
        `${crowd.connected}`,
      );
      // Half of the time its connections are dead too when it wakes up: it reconnects, and must not take over again.
      if (round % 2 === 1) await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
      trial.mark(`${node.id} goes on`);
      node.resume();
      const resumedMs = performance.now();
      const one = await trial.until(async () => {
        const live = await Promise.all(
          rig.nodes.map((each) => each.metric('keyrelay_sockets', 'state="connected"')),
        );
        return live.reduce((a, b) => a + b, 0) === crowd.clients.length;
      }, 10_000);
      const tookMs = one ? performance.now() - resumedMs : Number.POSITIVE_INFINITY;
      trial.atMost(`one live session per user after (${round + 1})`, tookMs, 1_000);
      await trial.sleep(2_000);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
