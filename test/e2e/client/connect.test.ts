import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { createIdentity, Relay } from '../../../src/client/index.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const servers: Server[] = [];
const relay = relayForTests();
/** A web server that is no relay: it answers every request with a page. */
let website = '';
/** Something that takes connections and never says a word. */
let silent = '';

beforeAll(async () => {
  const listen = async (server: Server) => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  website = await listen(createServer((_, response) => response.end('<h1>Hello</h1>')));
  silent = await listen(createTcpServer((socket) => socket.on('error', () => {})) as unknown as Server);
});
afterAll(() => {
  for (const server of servers) server.close();
});

/** What `connect` throws, and after how long. */
async function failure(url: string): Promise<{ code: string; message: string; ms: number }> {
  const startedMs = performance.now();
  try {
    const opened = await Relay.connect(url, createIdentity(), { WebSocket });
    await opened.close();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message, ms: performance.now() - startedMs };
  }
  throw new Error(`connected to ${url}`);
}

describe('Relay.connect says soon why it cannot connect', () => {
  test.each([
    [
      'a port where nothing listens',
      async () => `http://127.0.0.1:${await freePort()}`,
      'nothing listens there',
    ],
    ['https:// for a relay without TLS', async () => relay.http.replace('http:', 'https:'), 'TLS'],
    ['a name that does not exist', async () => 'http://no-such-host.invalid', 'no such host'],
  ])('%s', async (_, url, words) => {
    const { code, message, ms } = await failure(await url());
    expect({ code, message }).toEqual({ code: 'unreachable', message: expect.stringContaining(words) });
    // Three tries with full jitter: 1.5 s at most between them.
    expect(ms).toBeLessThan(15_000);
  });

  test('a web server that is no relay', async () => {
    const { code, message } = await failure(`http://${website}`);
    expect({ code, message }).toEqual({
      code: 'refused',
      message: expect.stringContaining('not a keyrelay server'),
    });
  });

  test('a program that ends it by a signal reads what went wrong', async () => {
    const signal = AbortSignal.timeout(300);
    await expect(
      Relay.connect(`http://${silent}`, createIdentity(), { WebSocket, signal }),
    ).rejects.toMatchObject({ code: 'aborted', message: expect.stringContaining(silent) });
  });
});

test('retryNow ends a wait between two tries at once', async () => {
  const port = await freePort();
  const opened = await Relay.open(`http://127.0.0.1:${port}`, createIdentity(), { WebSocket });
  try {
    // Late enough for a wait that is worth ending.
    await until(() => opened.state.state === 'offline' && opened.state.retryInMs > 4_000, {
      what: 'a long wait between two tries',
      timeoutMs: 60_000,
    });
    await processes.relay({ RELAY_PORT: `${port}` });
    const startedMs = performance.now();
    // Not more than once a second, so an impatient program does no harm.
    await until(
      () => {
        opened.retryNow();
        return opened.state.state === 'live';
      },
      { what: 'the connection' },
    );
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  } finally {
    await opened.close();
  }
});

test('the limits of the relay are known after the login', async () => {
  const small = await processes.relay({ RELAY_MAX_FRAME_BYTES: '16384', RELAY_BYTES_PER_S: '1000000' });
  const opened = await Relay.connect(small.http, createIdentity(), { WebSocket });
  expect(opened.limits).toMatchObject({
    maxFrameBytes: 16_384,
    bytesPerS: 1_000_000,
    mailboxBytes: 4_194_304,
  });
  await opened.close();
});
