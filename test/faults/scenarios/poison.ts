import type { RedisServer } from '../../support/servers/redis.ts';
import type { Scenario } from '../bench.ts';

const LOGINS = 3;

/**
 * An entry that lost its envelope, as damaged memory or another program would leave it: counted like one of ours,
 * and nothing in it that could be pushed.
 */
async function spoil(redis: RedisServer, code: string): Promise<void> {
  const [user, inbox] = [`user:{${code}}`, `inbox:{${code}}`];
  const id = String(await redis.call('XADD', inbox, '*', 'rubbish', 'x'));
  await redis.call('HINCRBY', user, 'count', 1);
  await redis.call('HSET', user, 'last', id);
}

export const poison: Scenario = {
  name: 'poison',
  row: 26,
  what: 'entries that cannot be pushed, at the head, in the middle, at the end of mailboxes, and alone in them',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 200);
    const away = crowd.clients.slice(0, 10);
    const [alone, others] = [away.slice(0, 3), away.slice(3)];
    const present = crowd.clients.slice(10);
    for (const client of away) client.stop();
    await bench.until(() => away.every(({ connected }) => !connected), 5_000);
    const arrived = () => bench.until(() => crowd.connected === crowd.clients.length, 5_000);
    const poisoned = async () => {
      const counts = await Promise.all(
        rig.nodes.map((node) => node.metric('keyrelay_poison_envelopes_total')),
      );
      return counts.reduce((a, b) => a + b, 0);
    };
    const rounds = bench.short ? 2 : 10;
    let spoilt = 0;
    for (let round = 0; round < rounds; round += 1) {
      crowd.rest();
      await bench.until(() => present.every(({ mailout }) => mailout.queued === 0), 5_000);
      await bench.sleep(300);
      bench.mark('mailboxes of ten users who are away are spoilt');
      for (const place of ['head', 'middle', 'tail']) {
        for (const { user } of place === 'tail' ? away : others) {
          await spoil(rig.redis, user.code);
          spoilt += 1;
        }
        if (place === 'tail') break;
        for (const [index, { user }] of others.entries()) {
          for (let sent = 0; sent < 5; sent += 1) present[index]?.send(user.code, 100);
        }
        await bench.until(() => present.every(({ mailout }) => mailout.open === 0), 5_000);
      }
      for (let login = 0; login < LOGINS; login += 1) {
        bench.mark('they log in');
        for (const client of away) client.start();
        bench.rule(`everybody is in (${round + 1}.${login + 1})`, await arrived(), `${crowd.connected}`);
        await bench.sleep(500);
        for (const client of away) client.stop();
        await bench.until(() => away.every(({ connected }) => !connected), 5_000);
      }
      for (const client of away) client.start();
      await arrived();
      crowd.write(200);
      await bench.sleep(1_000);
      for (const client of away) client.stop();
      await bench.until(() => away.every(({ connected }) => !connected), 5_000);
    }
    for (const client of away) client.start();
    await arrived();
    bench.rule('each was set aside once', (await poisoned()) === spoilt, `${await poisoned()} of ${spoilt}`);
    const kept = await Promise.all(away.map(({ user }) => rig.redis.call('XLEN', `poison:{${user.code}}`)));
    bench.rule(
      'and kept for an operator to look at',
      kept.every((count) => Number(count) > 0),
      `${alone.length} mailboxes with nothing else in them; kept: ${kept.join(' ')}`,
    );
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
