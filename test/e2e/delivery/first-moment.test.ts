import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { Fleet } from '../../support/servers/fleet.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({ nodes: 1, store: { kind: 'redis' } });
});

afterAll(() => fleet.remove());

it('a node that has just started accepts envelopes from the first login on', async () => {
  const node = fleet.node(0);
  const [alice, bob] = [await registerUser(node.http), await registerUser(node.http)];
  for (let start = 1; start <= 4; start += 1) {
    await node.kill();
    await node.start();
    const socket = await PlainClient.login(node.ws, alice);
    await sendStored(socket, { sender: alice, recipient: bob.code, payload: start });
    expect(socket.errors(), `start ${start}`).toEqual([]);
    await socket.close();
  }
});
