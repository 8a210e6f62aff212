import type { Scenario } from '../bench.ts';

export const subscriberKilled: Scenario = {
  name: 'subscriber-killed',
  row: 3,
  what: 'subscriptions lost while something is stored, and then silence: nobody waits for the next envelope',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40, idlessShare: 0 });
    await bench.warmUp(crowd, 250);
    const rounds = bench.short ? 8 : 60;
    for (let round = 0; round < rounds; round += 1) {
      await bench.sleep(300);
      crowd.rest();
      await bench.until(() => crowd.clients.every(({ mailout }) => mailout.open === 0), 5_000);
      await bench.until(() => bench.journal.missing === 0, 5_000);
      bench.mark('every subscription is lost, and everybody is written to');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      for (const [index, client] of crowd.clients.entries()) {
        const to = crowd.clients[(index + 1) % crowd.clients.length];
        if (to !== undefined) client.send(to.user.code, 50);
      }
      const stored = await bench.until(() => crowd.clients.every(({ mailout }) => mailout.open === 0), 5_000);
      const storedMs = performance.now();
      const heard = await bench.until(() => bench.journal.missing === 0, 10_000);
      const tookMs = stored && heard ? performance.now() - storedMs : Number.POSITIVE_INFINITY;
      bench.atMost(`everybody has it after (${round + 1})`, tookMs, 3_000);
      crowd.write(250);
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
