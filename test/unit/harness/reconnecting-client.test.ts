import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ReconnectingClient, type ReconnectingOptions } from '../../support/plain/reconnecting-client.ts';
import { makeKeys } from '../../support/plain/users.ts';

/** What the fault runs and the load rely on: the plain client comes back as docs/protocol.md asks, and only then. */

const CONNECT_ACK = '{"data":{"sender":"server","message":{"type":"connect_ack"}},"signature":""}';
const user = { ...makeKeys(), id: 1, code: 'A11CE00' };

let server: WebSocketServer;
let logins: WebSocket[];
let client: ReconnectingClient | null = null;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  logins = [];
  server.on('connection', (socket) => {
    socket.once('message', () => {
      logins.push(socket);
      socket.send(CONNECT_ACK);
    });
  });
  await once(server, 'listening');
});

afterEach(() => {
  client?.stop();
  for (const socket of logins) socket.terminate();
  server.close();
});

async function connected(options: Partial<ReconnectingOptions> = {}): Promise<WebSocket> {
  const { port } = server.address() as AddressInfo;
  const dial = () => `ws://127.0.0.1:${port}/ws`;
  client = new ReconnectingClient({ user, dial, random: () => 0, ...options });
  client.start();
  return nthLogin(1);
}

async function nthLogin(count: number): Promise<WebSocket> {
  await vi.waitFor(() => {
    expect(logins).toHaveLength(count);
    expect(client?.loggedIn).toBe(true);
  });
  return logins[count - 1] as WebSocket;
}

it('comes back after a lost connection, and reports both', async () => {
  const seen: string[] = [];
  const first = await connected({
    onLogin: () => seen.push('login'),
    onClosed: ({ code }) => seen.push(`closed ${code}`),
  });
  first.terminate();
  await nthLogin(2);
  expect(seen).toEqual(['login', 'closed 1006', 'login']);
});

it('waits as long as the relay asks', async () => {
  const first = await connected();
  const closedMs = performance.now();
  first.close(1012, 'retry in 300 ms');
  await nthLogin(2);
  expect(performance.now() - closedMs).toBeGreaterThanOrEqual(290);
});

it.each([1009, 4400, 4401, 4409])('stays away after a close with %i', async (code) => {
  const first = await connected();
  first.close(code);
  await vi.waitFor(() => expect(client?.staysAway).toBe(code));
});

it('comes back after 4409 if told to', async () => {
  const first = await connected();
  if (client !== null) client.comesBackWhenReplaced = true;
  first.close(4409);
  await nthLogin(2);
});

it('hears connect_ack and the frame in the same packet, in order', async () => {
  const heard: string[] = [];
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    socket.once('message', () => {
      logins.push(socket);
      socket.send(CONNECT_ACK);
      socket.send('{"data":{"sender":"B0B0000"}}');
    });
  });
  await connected({
    onLogin: () => heard.push('login'),
    onFrame: (frame) => heard.push(String(frame).slice(0, 27)),
  });
  await vi.waitFor(() => expect(heard).toHaveLength(3));
  expect(heard).toEqual(['login', CONNECT_ACK.slice(0, 27), '{"data":{"sender":"B0B0000"']);
});

it('answers only the newest of the pings that came together', async () => {
  const first = await connected({ pongs: 'newest' });
  const pongs: string[] = [];
  first.on('pong', (payload) => pongs.push(String(payload)));
  for (const payload of ['1', '2', '3']) first.ping(payload);
  await vi.waitFor(() => expect(pongs).toEqual(['3']));
});

it('leaves pings unanswered when told to, on this connection and the next', async () => {
  const first = await connected();
  if (client !== null) client.answersPings = false;
  const pongs: string[] = [];
  const ask = async (socket: WebSocket, payload: string) => {
    socket.on('pong', (answer) => pongs.push(String(answer)));
    socket.ping(payload);
    await vi.waitFor(() => expect(client?.client?.pings.at(-1)).toBe(payload));
  };
  await ask(first, 'one');
  first.terminate();
  const second = await nthLogin(2);
  await ask(second, 'two');
  if (client !== null) client.answersPings = true;
  second.ping('three');
  await vi.waitFor(() => expect(pongs).toEqual(['three']));
});
