import { envelopeFrame } from '../../../support/plain/frames.ts';
import { PlainClient } from '../../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../../support/plain/users.ts';
import { readEnvelope } from '../../clients/envelopes.ts';
import type { Scenario } from '../../harness/trial.ts';

/** The order fence of a sender in a mailbox lives for so long. */
const FENCE_MS = 120_000;
const PAIRS = 10;

interface Pair {
  readonly alice: PlainUser;
  readonly bob: PlainUser;
  /** Bob's, on the node that stays. */
  readonly reader: PlainClient;
  /** Alice's first device, on the node that is stopped. */
  readonly first: PlainClient;
}

export const longZombie: Scenario = {
  name: 'long-zombie',
  row: 27,
  what: 'a node stopped for longer than the order fence lives, frames in its sockets; their users send elsewhere meanwhile',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const [stopped, staying] = [rig.node(0), rig.node(1)];
    const crowd = await trial.crowd({ count: 20, dial: () => staying.ws });
    await trial.warmUp(crowd, 100);
    const pairs: Pair[] = [];
    for (let n = 0; n < PAIRS; n += 1) {
      const [alice, bob] = [
        await registerUser(stopped.http, { tries: 20 }),
        await registerUser(stopped.http, { tries: 20 }),
      ];
      const reader = await PlainClient.login(staying.ws, bob);
      pairs.push({ alice, bob, reader, first: await PlainClient.login(stopped.ws, alice) });
    }
    const send = (client: PlainClient, { alice, bob }: Pair, n: number, id?: string) =>
      client.send(envelopeFrame(alice, { recipient: bob.code, payload: { n }, ...(id ? { id } : {}) }));
    for (const pair of pairs) send(pair.first, pair, 0);
    await Promise.all(pairs.map(({ reader }) => reader.untilEnvelopes(1)));

    trial.mark('node-1 is stopped; 1 to 5 lie in its sockets, without ids');
    stopped.pause();
    for (const pair of pairs) for (let n = 1; n <= 5; n += 1) send(pair.first, pair, n);
    await trial.sleep(500);
    trial.mark('the same users log in to node-2, and send 6 to 10');
    const later: PlainClient[] = [];
    for (const pair of pairs) {
      const device = await PlainClient.login(staying.ws, pair.alice);
      later.push(device);
      for (let n = 6; n <= 10; n += 1) send(device, pair, n, `n${n}`);
    }
    await Promise.all(later.map((device) => device.until(() => device.accepted().length === 5)));
    await trial.sleep(FENCE_MS + (trial.short ? 5_000 : 30_000));
    trial.mark('node-1 goes on');
    stopped.resume();
    await trial.sleep(5_000);

    const orders = pairs.map(({ reader }) => reader.envelopes.map((text) => readEnvelope(text).number));
    const inverted = orders.filter((order) => order.some((n, at) => n < Math.max(0, ...order.slice(0, at))));
    trial.rule(
      'nothing older is stored behind newer',
      inverted.length === 0,
      inverted.length === 0 ? 'no inversion' : `${inverted.length} pairs: ${inverted[0]?.join(' ')}`,
    );
    const whole = orders.every((order) => [0, 6, 7, 8, 9, 10].every((n) => order.includes(n)));
    trial.rule('what was accepted has arrived', whole, orders[0]?.join(' ') ?? '');
    const codes = new Set(pairs.map(({ first }) => first.closed?.code));
    trial.rule('the first devices are displaced', codes.size === 1 && codes.has(4409), [...codes].join(' '));
    for (const { reader } of pairs) reader.ws.terminate();
    for (const device of later) device.ws.terminate();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
