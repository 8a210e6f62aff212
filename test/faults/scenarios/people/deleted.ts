import { command } from '../../../support/plain/commands.ts';
import { PlainClient } from '../../../support/plain/plain-client.ts';
import { type PlainUser, postUser, registerUser } from '../../../support/plain/users.ts';
import type { Scenario } from '../../harness/trial.ts';

const AT_ONCE = 6;
const DELETING_MS = 250;
const REDIS_IS_AWAY_MS = 15;
/** What the sweeper takes for cut off. */
const CUT_OFF_MS = 61_000;
const LEAVING = '{user:next-id}:leaving';
const CLAIMED = '{user:next-id}:claimed';

/** Deletes the account, however often that was begun; false if the relay refuses. */
async function leave(ws: string, user: PlainUser): Promise<boolean> {
  const socket = await PlainClient.login(ws, user, { protocol: 2 }).catch(() => null);
  // Unknown, or deleted, already.
  if (socket === null) return true;
  const { error } = await command(socket, user, 'delete_account', {});
  socket.ws.terminate();
  return error === undefined;
}

export const deletion: Scenario = {
  name: 'deletion',
  row: 36,
  what: 'a node killed -9 while users delete their accounts: no account is half deleted',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 24 });
    const [dies, stays] = [rig.node(0), rig.node(1)];
    await trial.warmUp(crowd, 200);
    const writer = crowd.clients.find(({ withIds }) => withIds);
    if (writer === undefined) throw new Error('most of a crowd send with ids');
    const users: PlainUser[] = [];
    const wrong: string[] = [];
    let half = 0;
    for (let round = 0; round < (trial.short ? 5 : 40); round += 1) {
      const all = await Promise.all(Array.from({ length: AT_ONCE }, () => registerUser(stays.http)));
      users.push(...all);
      const sockets = await Promise.all(all.map((user) => PlainClient.login(dies.ws, user, { protocol: 2 })));
      rig.proxy(0).add({ kind: 'latency', latencyMs: REDIS_IS_AWAY_MS, jitterMs: 5 }, 'up', 'down');
      const told = all.map((user, index) =>
        command(sockets[index] as PlainClient, user, 'delete_account', {}).then(
          ({ error }) => error === undefined,
          () => false,
        ),
      );
      await trial.sleep(trial.random.integer(0, DELETING_MS));
      await dies.kill();
      for (const socket of sockets) socket.ws.terminate();
      rig.proxy(0).heal();
      for (const { code } of all) half += Number((await rig.redis.call('ZSCORE', LEAVING, code)) !== null);
      for (const [index, user] of all.entries()) {
        const { status } = await fetch(`${stays.http}/users/${user.code}`);
        // What was answered has happened; what was not has happened, or is done again.
        const isKnown = await Promise.race([told[index], false]);
        if (isKnown && status !== 410) wrong.push(`${user.code} was deleted, and answers ${status}`);
        if (!(await leave(stays.ws, user))) wrong.push(`${user.code} cannot be deleted`);
      }
      await dies.start();
    }
    trial.mark(`${users.length} accounts are deleted; ${half} deletions were cut off`);
    trial.rule('some deletions were cut off', half > 0, `${half}`);

    // Half of them come again with the same keys, while the rest of the deletion is not done everywhere.
    const again = users.filter((_, index) => index % 2 === 0);
    for (const { code, ecdhPublicKey, eddsaPublicKey } of again) {
      const keys = { ecdh_public_key: ecdhPublicKey, eddsa_public_key: eddsaPublicKey };
      const answer = await postUser(stays.http, keys);
      const { code: next } = (await answer.json()) as { code?: string };
      if (answer.status !== 201 || next === code) wrong.push(`${code} comes again: ${answer.status} ${next}`);
    }
    trial.mark('the time of what was cut off is over');
    for (const code of (await rig.redis.call('ZRANGE', LEAVING, 0, -1)) as string[])
      await rig.redis.call('ZINCRBY', LEAVING, -CUT_OFF_MS, code);
    const swept = await trial.until(async () => (await rig.redis.call('ZCARD', LEAVING)) === 0, 15_000);
    trial.rule('what was cut off is finished', swept, swept ? 'all' : 'not within 15 s');

    for (const { code, eddsaPublicKey } of users) {
      const { status } = await fetch(`${stays.http}/users/${code}`);
      if (status !== 410) wrong.push(`${code} answers ${status}`);
      const left = (await rig.redis.call('KEYS', `*{${code}}*`)) as string[];
      const fields = (await rig.redis.call('HKEYS', `user:{${code}}`)) as string[];
      if (left.length !== 1 || fields.join() !== 'gone') wrong.push(`${code} left ${left}: ${fields}`);
      if ((await rig.redis.call('GET', `key:${eddsaPublicKey}`)) === code)
        wrong.push(`the key of ${code} is kept`);
    }
    trial.rule(
      'every account is gone, and nothing of it is left',
      wrong.length === 0,
      wrong.slice(0, 5).join('; ') || 'all',
    );
    const claimed = Number(await rig.redis.call('GET', CLAIMED));
    trial.rule(
      'the others are counted',
      claimed === crowd.clients.length,
      `${claimed} of ${crowd.clients.length}`,
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
