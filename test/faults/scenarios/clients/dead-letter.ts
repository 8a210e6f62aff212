import type { RedisServer } from '../../../support/redis/redis.ts';
import type { Scenario } from '../../harness/trial.ts';

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

export const deadLetter: Scenario = {
  name: 'dead-letter',
  row: 26,
  what: 'entries that cannot be pushed, at the head, in the middle, at the end of mailboxes, and alone in them',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 200);
    const away = crowd.clients.slice(0, 10);
    const [alone, others] = [away.slice(0, 3), away.slice(3)];
    const present = crowd.clients.slice(10);
    for (const client of away) client.stop();
    await trial.until(() => away.every(({ connected }) => !connected), 5_000);
    const arrived = () => trial.until(() => crowd.connected === crowd.clients.length, 5_000);
    const deadLetters = async () => {
      const counts = await Promise.all(
        rig.nodes.map((node) => node.metric('keyrelay_poison_envelopes_total')),
      );
      return counts.reduce((a, b) => a + b, 0);
    };
    const rounds = trial.short ? 2 : 10;
    let spoilt = 0;
    for (let round = 0; round < rounds; round += 1) {
      crowd.rest();
      await trial.until(() => present.every(({ sendQueue }) => sendQueue.queued === 0), 5_000);
      await trial.sleep(300);
      trial.mark('mailboxes of ten users who are away are spoilt');
      for (const place of ['head', 'middle', 'tail']) {
        for (const { user } of place === 'tail' ? away : others) {
          await spoil(rig.redis, user.code);
          spoilt += 1;
        }
        if (place === 'tail') break;
        for (const [index, { user }] of others.entries()) {
          for (let sent = 0; sent < 5; sent += 1) present[index]?.send(user.code, 100);
        }
        await trial.until(() => present.every(({ sendQueue }) => sendQueue.open === 0), 5_000);
      }
      for (let login = 0; login < LOGINS; login += 1) {
        trial.mark('they log in');
        for (const client of away) client.start();
        trial.rule(`all are logged in (${round + 1}.${login + 1})`, await arrived(), `${crowd.connected}`);
        await trial.sleep(500);
        for (const client of away) client.stop();
        await trial.until(() => away.every(({ connected }) => !connected), 5_000);
      }
      for (const client of away) client.start();
      await arrived();
      crowd.write(200);
      await trial.sleep(1_000);
      for (const client of away) client.stop();
      await trial.until(() => away.every(({ connected }) => !connected), 5_000);
    }
    for (const client of away) client.start();
    await arrived();
    trial.rule(
      'each was set aside once',
      (await deadLetters()) === spoilt,
      `${await deadLetters()} of ${spoilt}`,
    );
    const kept = await Promise.all(away.map(({ user }) => rig.redis.call('XLEN', `poison:{${user.code}}`)));
    trial.rule(
      'and kept for an operator to look at',
      kept.every((count) => Number(count) > 0),
      `${alone.length} mailboxes with nothing else in them; kept: ${kept.join(' ')}`,
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
