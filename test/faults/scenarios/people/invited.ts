import { INVITATION_PENDING_MS } from '../../../../src/engine/bounds.ts';
import { type Keys, makeKeys, postUser } from '../../../support/plain/users.ts';
import type { RedisServer } from '../../../support/redis/redis.ts';
import { OPERATED, operate } from '../../clients/operator.ts';
import type { Scenario } from '../../harness/trial.ts';

/** At once, by one node. */
const AT_ONCE = 6;
/** Longer than a registration takes through a Redis that is so far away. */
const REGISTERING_MS = 500;
const REDIS_IS_AWAY_MS = 15;
/** So many times the rounds at most, until a kill has met a registration. */
const ROUNDS_TIMES = 4;

const wire = ({ ecdhPublicKey, eddsaPublicKey }: Keys, invite: string) => ({
  ecdh_public_key: ecdhPublicKey,
  eddsa_public_key: eddsaPublicKey,
  invite,
});

/** Whether the registration of this key was completed. */
async function hasAccount(redis: RedisServer, { eddsaPublicKey }: Keys): Promise<boolean> {
  const code = await redis.call('GET', `key:${eddsaPublicKey}`);
  if (typeof code !== 'string') return false;
  const [eddsa, pending] = (await redis.call('HMGET', `user:{${code}}`, 'eddsa', 'pending')) as unknown[];
  return eddsa === eddsaPublicKey && pending !== '1';
}

export const invitedRegistration: Scenario = {
  name: 'invited-registration',
  row: 36,
  what: 'a node killed -9 between taking a use of an invitation and registering: no use is spent twice or lost',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true, settings: OPERATED });
    const crowd = await trial.crowd({ count: 24 });
    const [dies, stays] = [rig.node(0), rig.node(1)];
    const rounds = trial.short ? 5 : 60;
    const uses = ROUNDS_TIMES * rounds * AT_ONCE;
    await operate(stays, 'PUT', '/v1/limits/RELAY_REGISTRATION', { value: 'invite' });
    const { token, id } = await operate(stays, 'POST', '/v1/invitations', { uses });
    const [name, taken] = [`{invites}:${id}`, `{invites}:${id}:taken`];
    await trial.warmUp(crowd, 200);

    const register = async (keys: Keys): Promise<number> => {
      const answer = await postUser(stays.http, wire(keys, String(token)));
      await answer.text();
      return answer.status;
    };
    const refused: string[] = [];
    const given: Keys[] = [];
    let between = 0;
    let killed = 0;
    // When a kill meets a registration is up to the machine.
    while (killed < rounds || (between === 0 && killed < ROUNDS_TIMES * rounds)) {
      killed += 1;
      rig.proxy(0).add({ kind: 'latency', latencyMs: REDIS_IS_AWAY_MS, jitterMs: 5 }, 'up', 'down');
      const all = Array.from({ length: AT_ONCE }, makeKeys);
      const answers = all.map((keys) =>
        postUser(dies.http, wire(keys, String(token))).then(
          ({ status }) => status,
          () => 0,
        ),
      );
      await trial.sleep(trial.random.integer(0, REGISTERING_MS));
      await dies.kill();
      const told = await Promise.all(answers);
      rig.proxy(0).heal();
      for (const [index, keys] of all.entries()) {
        const isTaken = (await rig.redis.call('ZSCORE', taken, `p${keys.eddsaPublicKey}`)) !== null;
        if (isTaken && !(await hasAccount(rig.redis, keys))) between += 1;
        // Every third gives up, the others come again by the other node.
        if (index % 3 === 2 && told[index] === 0) given.push(keys);
        else if (![200, 201].includes(await register(keys))) refused.push(keys.eddsaPublicKey);
      }
      await dies.start();
    }
    trial.mark(`killed ${killed} times, ${between} times between taking and registering`);
    trial.rule('some died between taking and registering', between > 0, `${between}`);
    trial.rule(
      'the same keys are registered by the other node',
      refused.length === 0,
      `${refused.length} not`,
    );

    trial.mark('the time of what was taken in vain is over');
    for (const member of (await rig.redis.call('ZRANGE', taken, 0, -1)) as string[])
      await rig.redis.call('ZINCRBY', taken, -(INVITATION_PENDING_MS + 1_000) * 1_000, member);
    const made = await Promise.all(given.map((keys) => hasAccount(rig.redis, keys)));
    const left = uses - killed * AT_ONCE + made.filter((isMade) => !isMade).length;
    const accounts = uses - left;
    let more = 0;
    while (more <= left && (await register(makeKeys())) === 201) more += 1;
    trial.rule(
      'as many accounts as uses',
      more === left,
      `${accounts} + ${more} accounts by ${uses} uses, ${given.length} gave up`,
    );
    const [rest, pending] = (await rig.redis.call('HMGET', name, 'left', 'pending')) as string[];
    trial.rule(
      'the invitation is used up',
      rest === '0' && pending === '0',
      `${rest} left, ${pending} under way`,
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
