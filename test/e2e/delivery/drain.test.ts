import { expect, it } from 'vitest';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { upgrade } from '../../support/plain/upgrade.ts';
import { registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

const processes = processesForTests();

it('SIGTERM drains a node: not ready, no new connections, each client closed in turn with a time to come back', async () => {
  const stopping = await processes.relay({ RELAY_DRAIN_MS: '3000' });
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => PlainClient.login(stopping.ws, await registerUser(stopping.http))),
  );
  const closedAtMs: number[] = [];
  const startedMs = performance.now();
  for (const { ws } of sockets) ws.on('close', () => closedAtMs.push(performance.now() - startedMs));
  expect(await stopping.ready()).toMatchObject({ status: 200 });

  stopping.signal('SIGTERM');
  await expect.poll(async () => (await stopping.ready()).status).toBe(503);
  expect(await stopping.ready()).toEqual({ status: 503, reason: expect.stringContaining('draining') });
  const refused = await upgrade(stopping.ws);
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);

  const closes = await Promise.all(sockets.map((socket) => socket.untilClosed()));
  for (const close of closes)
    expect(close).toEqual({ code: 1012, reason: expect.stringMatching(/^retry in \d{1,4} ms$/) });
  // Drawn anew for each, so that they do not come back all at once; and closed over the time of the drain.
  expect(new Set(closes.map(({ reason }) => reason)).size).toBeGreaterThan(10);
  expect(Math.max(...closedAtMs) - Math.min(...closedAtMs)).toBeGreaterThan(500);
  expect(await stopping.exited()).toBe('exit code 0');
});
