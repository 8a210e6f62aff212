import type { Scenario } from '../../harness/trial.ts';

export const subscriberKilled: Scenario = {
  name: 'subscriber-killed',
  row: 3,
  what: 'subscriptions lost while something is stored, and then silence: no session waits for the next envelope',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40, idlessShare: 0 });
    await trial.warmUp(crowd, 250);
    const rounds = trial.short ? 8 : 60;
    for (let round = 0; round < rounds; round += 1) {
      await trial.sleep(300);
      crowd.rest();
      await trial.until(() => crowd.clients.every(({ sendQueue }) => sendQueue.open === 0), 5_000);
      await trial.until(() => trial.journal.missing === 0, 5_000);
      trial.mark('every subscription is lost, and every user is written to');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      for (const [index, client] of crowd.clients.entries()) {
        const to = crowd.clients[(index + 1) % crowd.clients.length];
        if (to !== undefined) client.send(to.user.code, 50);
      }
      const stored = await trial.until(
        () => crowd.clients.every(({ sendQueue }) => sendQueue.open === 0),
        5_000,
      );
      const storedMs = performance.now();
      const heard = await trial.until(() => trial.journal.missing === 0, 10_000);
      const tookMs = stored && heard ? performance.now() - storedMs : Number.POSITIVE_INFINITY;
      trial.atMost(`every user has it after (${round + 1})`, tookMs, 3_000);
      crowd.write(250);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
