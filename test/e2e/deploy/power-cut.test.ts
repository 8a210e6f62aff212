import { expect, test } from 'vitest';
import type { Child } from '../../../src/cli/dev/child.ts';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { answers, plainEnvelope } from '../../support/clients/scene.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { startHaproxy } from '../../support/services/haproxy.ts';
import { until } from '../../support/until.ts';

/** How much later than everything else Redis is there; `POWER_CUT_LATE_S=60 npm test -- power-cut` is the long form. */
const LATE_MS = Number(process.env.POWER_CUT_LATE_S ?? 3) * 1000;
const UP_MS_MAX = 10_000;

const processes = processesForTests();

test(
  `after a power cut, nodes and load balancer start first and Redis last: all are up within ${UP_MS_MAX / 1000} s of it`,
  async () => {
    const redis = await startRedis({ appendonly: 'yes' });
    const ports = await Promise.all(
      [1, 2, 3].map(async () => ({ port: await freePort(), adminPort: await freePort() })),
    );
    const startNode = ({ port, adminPort }: { port: number; adminPort: number }) =>
      processes.keyrelay(['serve'], {
        RELAY_PORT: `${port}`,
        RELAY_ADMIN_PORT: `${adminPort}`,
        RELAY_REDIS_URL: redis.url,
        RELAY_TRUSTED_PROXIES: '127.0.0.1',
        RELAY_UPGRADES_PER_S: '0',
        RELAY_REGISTRATIONS_PER_MIN: '0',
      });
    const kill = async (child: Child) => {
      child.signal('SIGKILL');
      await child.exited();
    };
    const ready = async () => {
      const statuses = await Promise.all(
        ports.map(async ({ adminPort }) => {
          return fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
            ({ status }) => status,
            () => 0,
          );
        }),
      );
      return statuses.every((status) => status === 200);
    };
    let nodes = await Promise.all(ports.map(startNode));
    let haproxy = await startHaproxy({ port: 0, nodes: ports });
    const [http, ws] = [`http://127.0.0.1:${haproxy.port}`, `ws://127.0.0.1:${haproxy.port}/ws`];
    await until(ready, { what: 'three nodes', timeoutMs: 30_000 });
    const inside = async () => (await fetch(`${http}/ws`)).status === 426;
    await until(inside, { what: 'HAProxy to have seen them', timeoutMs: 30_000 });
    const [alice, bob] = [await registerUser(http), await registerUser(http)];
    const before = await PlainClient.login(ws, alice);
    before.send(plainEnvelope(alice, bob.code));
    await before.until(() => answers(before) === 1);
    // What was accepted is in the file a second later.
    await until(
      async () => String(await redis.call('INFO', 'persistence')).includes('aof_pending_bio_fsync:0'),
      {
        what: 'the append-only file',
      },
    );

    await Promise.all([redis.kill(), kill(haproxy.child), ...nodes.map(kill)]);
    nodes = await Promise.all(ports.map(startNode));
    haproxy = await startHaproxy({ port: haproxy.port, nodes: ports });
    await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    expect(nodes.map(({ ended }) => ended)).toEqual([null, null, null]);
    await redis.restart();
    const startedMs = performance.now();
    await until(ready, { what: 'three nodes', timeoutMs: UP_MS_MAX });
    await until(inside, { what: 'HAProxy to have seen them', timeoutMs: UP_MS_MAX });
    const after = await PlainClient.login(ws, bob);
    await after.until(() => after.envelopes.length === 1);
    expect(performance.now() - startedMs).toBeLessThan(UP_MS_MAX);
    console.log(`all up and mail delivered ${Math.round(performance.now() - startedMs)} ms after Redis`);
    await after.close();
    await kill(haproxy.child);
    await redis.remove();
  },
  LATE_MS + 120_000,
);
