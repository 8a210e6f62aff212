import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { type RedisConf, type RedisServer, startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

/** `keyrelay doctor`: says what is wrong, and what mends it. */

const GOOD: RedisConf = { appendonly: 'yes', maxmemory: '100mb', 'maxmemory-policy': 'noeviction' };

const servers: RedisServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.remove()));
});
const processes = processesForTests();

async function redis(conf: RedisConf): Promise<RedisServer> {
  const server = await startRedis({ ...GOOD, ...conf });
  servers.push(server);
  return server;
}

async function doctor(
  settings: Record<string, string>,
): Promise<{ readonly text: string; readonly code: string }> {
  // Few enough sockets for any limit of open files.
  const child = await processes.keyrelay(['doctor'], { RELAY_MAX_SOCKETS: '100', ...settings });
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
  expect(text).toMatch(/signatures are verified by (AWS-LC|libsodium)/);
  const port = new URL(relay.ws).port;
  expect(text).toMatch(
    new RegExp(`Node \\S+ lives: 127\\.0\\.0\\.1:${port}, version \\S+, since \\S+, \\d+ sockets`),
  );
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
      /start the replicas that are missing/,
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
    expect(text).toMatch(/BAD {3}Redis .*: default lacks &inbox:\* &probe:\* \(.*no permissions/);
    expect(text).toMatch(/ACL SETUSER default '&inbox:\*' '&probe:\*'/);
    expect(text).toMatch(/BAD {3}Redis: .*\n.*keyrelay\.acl/);
    expect(code).toBe('exit code 1');
  });

  test('an append-only file that is never forced to the disk', async () => {
    const server = await redis({ appendfsync: 'no' });
    const { text, code } = await doctor({ RELAY_REDIS_URL: server.url });
    expect(text).toMatch(/poor {2}Redis .*appendfsync no/);
    expect(text).toMatch(/CONFIG SET appendfsync everysec/);
    expect(code).toBe('exit code 0');
  });

  test('more users than its memory holds', async () => {
    const server = await redis({});
    const { text } = await doctor({ RELAY_REDIS_URL: server.url, RELAY_MAX_USERS: '1000000' });
    expect(text).toMatch(
      /poor {2}Redis: RELAY_MAX_USERS 1000000 × 900 bytes take 0\.9 GB of 0\.1 GB maxmemory/,
    );
    const fits = await doctor({ RELAY_REDIS_URL: server.url, RELAY_MAX_USERS: '50000' });
    expect(fits.text).not.toContain('RELAY_MAX_USERS');
  });

  test('a password that is wrong: the words of Redis, and the remedy that fits', async () => {
    const server = await redis({ requirepass: 'right' });
    const url = `redis://:wrong@127.0.0.1:${server.port}`;
    const { text, code } = await doctor({ RELAY_REDIS_URL: url });
    expect(text).toMatch(/BAD {3}Redis: .*WRONGPASS/);
    expect(text).toMatch(/→ the user and password .* in RELAY_REDIS_URL/);
    expect(text).not.toContain('wrong@');
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

describe('finds whose word on client addresses is believed', () => {
  const wss = { RELAY_PUBLIC_URL: 'wss://127.0.0.1:1/ws' };
  test.each<[string, Record<string, string>, RegExp | null]>([
    ['nobody, behind a proxy', wss, /BAD {3}RELAY_TRUSTED_PROXIES is not set, and TLS ends in front/],
    [
      'everybody',
      { ...wss, RELAY_TRUSTED_PROXIES: '0.0.0.0/0' },
      /BAD {3}RELAY_TRUSTED_PROXIES 0\.0\.0\.0\/0: every/,
    ],
    [
      'everybody, by IPv6',
      { RELAY_TRUSTED_PROXIES: '10.0.0.1,::/0' },
      /BAD {3}RELAY_TRUSTED_PROXIES ::\/0: every/,
    ],
    [
      'half of all',
      { RELAY_TRUSTED_PROXIES: '128.0.0.0/1' },
      /BAD {3}RELAY_TRUSTED_PROXIES 128\.0\.0\.0\/1: every/,
    ],
    ['a load balancer', { ...wss, RELAY_TRUSTED_PROXIES: '10.0.0.1' }, null],
    ['nobody, with nothing in front', {}, null],
  ])('%s', async (_what, settings, says) => {
    const { text } = await doctor(settings);
    if (says === null) expect(text).not.toMatch(/BAD {3}RELAY_TRUSTED_PROXIES/);
    else expect(text).toMatch(says);
  });
});

test('finds more sockets than files', async () => {
  const { text, code } = await doctor({ RELAY_MAX_SOCKETS: '9000000' });
  expect(text).toMatch(/BAD {3}open files: \d+, for RELAY_MAX_SOCKETS 9000000/);
  expect(text).toContain('LimitNOFILE=');
  expect(code).toBe('exit code 1');
});
