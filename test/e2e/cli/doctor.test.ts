import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { Processes } from '../../support/servers/processes.ts';
import { type RedisConf, type RedisServer, startRedis } from '../../support/servers/redis.ts';

/** `keyrelay doctor`: says what is wrong, and what mends it. */

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const GOOD: RedisConf = { appendonly: 'yes', maxmemory: '100mb', 'maxmemory-policy': 'noeviction' };

const processes = new Processes();
const servers: RedisServer[] = [];

afterAll(async () => {
  await processes.stop();
  await Promise.all(servers.map((server) => server.remove()));
});

async function redis(conf: RedisConf): Promise<RedisServer> {
  const server = await startRedis({ ...GOOD, ...conf });
  servers.push(server);
  return server;
}

async function doctor(
  settings: Record<string, string>,
): Promise<{ readonly text: string; readonly code: string }> {
  // Few enough sockets for any limit of open files.
  const env = { ...process.env, RELAY_MAX_SOCKETS: '100', ...settings };
  const child = await processes.command(process.execPath, [MAIN, 'doctor'], env);
  const code = await child.exited();
  return { text: child.output, code };
}

test('finds nothing bad where a relay runs, and says what it looked at', async () => {
  const server = await redis({});
  const relay = await processes.relay({ RELAY_REDIS_URL: server.url });
  const { text, code } = await doctor({ RELAY_REDIS_URL: server.url, RELAY_PUBLIC_URL: relay.ws });
  expect(text).not.toContain('BAD');
  expect(code).toBe('exit code 0');
  expect(text).toMatch(/Redis 127\.0\.0\.1:\d+: Redis [\d.]+/);
  expect(text).toContain('scripts run, and wake-ups come back');
  expect(text).toContain(`${relay.ws}: a relay answers`);
});

describe('finds what is wrong with Redis', () => {
  test.each<[string, RedisConf, Record<string, string>, RegExp, RegExp]>([
    [
      'a policy that evicts',
      { 'maxmemory-policy': 'allkeys-lru' },
      {},
      /allkeys-lru throws mail away/,
      /CONFIG SET maxmemory-policy noeviction/,
    ],
    [
      'no append-only file',
      { appendonly: 'no' },
      {},
      /a restart loses everything/,
      /CONFIG SET appendonly yes/,
    ],
    [
      'too few replicas',
      {},
      { RELAY_REDIS_WAIT_REPLICAS: '1' },
      /0 replicas, RELAY_REDIS_WAIT_REPLICAS 1/,
      /more replicas/,
    ],
  ])('%s', async (_what, conf, settings, says, mend) => {
    const server = await redis(conf);
    const { text, code } = await doctor({ RELAY_REDIS_URL: server.url, ...settings });
    expect(text).toMatch(says);
    expect(text).toMatch(mend);
    expect(code).toBe('exit code 1');
  });

  test('channels that may not be used', async () => {
    const server = await redis({});
    await server.call('ACL', 'SETUSER', 'default', 'resetchannels');
    const { text, code } = await doctor({ RELAY_REDIS_URL: server.url });
    expect(text).toMatch(/BAD {3}Redis: .*\n.*keyrelay\.acl/);
    expect(code).toBe('exit code 1');
  });

  test('no server at all', async () => {
    const port = await freePort();
    const { text, code } = await doctor({ RELAY_REDIS_URL: `redis://127.0.0.1:${port}` });
    expect(text).toMatch(new RegExp(`BAD {3}Redis: .*127\\.0\\.0\\.1:${port}`));
    expect(code).toBe('exit code 1');
  });

  test('no limit of memory is worse than it could be, not bad', async () => {
    const server = await redis({ maxmemory: '0' });
    const { text, code } = await doctor({ RELAY_REDIS_URL: server.url });
    expect(text).toMatch(/poor {2}Redis .*no maxmemory/);
    expect(code).toBe('exit code 0');
  });
});

test('finds a closed front door, and one without TLS', async () => {
  const port = await freePort();
  const { text, code } = await doctor({
    RELAY_PUBLIC_URL: `ws://127.0.0.1:${port}/ws,ws://[::ffff:127.0.0.1]:${port}/ws`,
  });
  expect(text).toMatch(new RegExp(`BAD {3}ws://127\\.0\\.0\\.1:${port}/ws: .*ECONNREFUSED`));
  expect(text).toMatch(/BAD {3}ws:\/\/\[::ffff:[\w.:]+\]:\d+\/ws: no TLS/);
  expect(code).toBe('exit code 1');
});

test('finds more sockets than files', async () => {
  const { text, code } = await doctor({ RELAY_MAX_SOCKETS: '9000000' });
  expect(text).toMatch(/BAD {3}open files: \d+, for RELAY_MAX_SOCKETS 9000000/);
  expect(text).toContain('LimitNOFILE=');
  expect(code).toBe('exit code 1');
});
