import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { commandLineForTests } from '../../support/clients/command-line.ts';
import { connectText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';

/** A box on the way that removes Sec-WebSocket-Protocol, from requests or from answers: each end says what is missing. */

const processes = processesForTests();
const relay = relayForTests();
const people = commandLineForTests(() => relay.http);
const boxes: Server[] = [];
afterAll(() => {
  for (const box of boxes) box.close();
});

function strip(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/Sec-WebSocket-Protocol: .*\r\n/i, ''), 'latin1');
}

/** @returns its port */
async function startBox(from: 'requests' | 'answers', port: number): Promise<number> {
  const box = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.on('data', (bytes) => server.write(from === 'requests' ? strip(bytes) : bytes));
    server.on('data', (bytes) => client.write(from === 'answers' ? strip(bytes) : bytes));
    for (const [one, other] of [[client, server] as const, [server, client] as const]) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  boxes.push(box);
  await new Promise<void>((resolve) => box.listen(0, '127.0.0.1', resolve));
  return (box.address() as AddressInfo).port;
}

describe.each(['requests', 'answers'] as const)('removed from %s', (from) => {
  test.each([['ping'], ['listen', '--count', '1']])('%s ends and names the header', async (...args) => {
    const url = `http://127.0.0.1:${await startBox(from, relay.port)}`;
    const { code, err } = await people.run(from, [...args, '--url', url]);
    expect(err).toContain('lacks Sec-WebSocket-Protocol: relay.v2');
    expect(code).not.toBe(0);
  });
});

test('a relay without protocol 1 tells a client of protocol 2 whose request has lost it', async () => {
  const strict = await processes.relay({ RELAY_PROTOCOLS: '2' });
  const user = await registerUser(strict.http);
  const socket = await PlainClient.open(`ws://127.0.0.1:${await startBox('requests', strict.port)}/ws`);
  socket.sendData(user, connectText(user.code));
  expect((await socket.nextError()).detail).toContain(
    'a proxy on the way has removed Sec-WebSocket-Protocol',
  );
  expect((await socket.untilClosed()).code).toBe(4401);
});
