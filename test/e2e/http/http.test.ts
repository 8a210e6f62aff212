import { beforeAll, describe, expect, it } from 'vitest';
import { problemOf } from '../../support/plain/problem.ts';
import { upgrade } from '../../support/plain/upgrade.ts';
import { type Keys, makeKeys, postUser, registerUser, registrationOf } from '../../support/plain/users.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** What all HTTP routes have in common: docs/protocol.md, the end of section 1. */
const processes = processesForTests();
const relay = relayForTests();

describe('every route', () => {
  it.each([
    ['/users', ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'], 'POST, OPTIONS'],
    ['/users/E011T7D', ['POST', 'PUT', 'DELETE', 'PATCH'], 'GET, HEAD, OPTIONS'],
    ['/ws', ['POST', 'PUT', 'DELETE', 'PATCH'], 'GET, HEAD, OPTIONS'],
  ])('%s answers other methods with 405 and what it allows', async (path, methods, allow) => {
    for (const method of methods) {
      const response = await fetch(relay.http + path, { method });
      expect([method, response.status]).toEqual([method, 405]);
      expect(response.headers.get('allow')).toBe(allow);
      if (method !== 'HEAD') expect((await problemOf(response)).detail).toContain(`use ${allow}`);
    }
  });

  it('at an unknown path is 404', async () => {
    for (const path of ['/nothing', '/users.json', '/ws/', '/metrics', '/healthz']) {
      const response = await fetch(relay.http + path);
      expect([path, response.status]).toEqual([path, 404]);
      expect((await problemOf(response)).detail).toBe('there is nothing at this path');
    }
  });

  it('GET /ws without an upgrade is 426 and names the protocol', async () => {
    const response = await fetch(`${relay.http}/ws?token=ignored`);
    expect(response.status).toBe(426);
    expect(response.headers.get('upgrade')).toBe('websocket');
    expect((await problemOf(response)).detail).toMatch(/WebSocket/);
  });

  it('can be read by pages of any origin, without credentials, Retry-After included', async () => {
    for (const path of ['/users/0000000', '/nothing', '/ws']) {
      const response = await fetch(relay.http + path, { headers: { origin: 'https://chat.example' } });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-expose-headers')).toBe('Retry-After');
      expect(response.headers.has('access-control-allow-credentials')).toBe(false);
    }
    const asked = { origin: 'https://chat.example', 'access-control-request-method': 'POST' };
    const preflight = await fetch(`${relay.http}/users`, { method: 'OPTIONS', headers: asked });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Content-Type, Authorization');
  });
});

describe('RELAY_ALLOWED_ORIGINS', () => {
  let choosy: RelayNode;

  beforeAll(async () => {
    choosy = await processes.relay({
      RELAY_ALLOWED_ORIGINS:
        'https://chat.example,http://localhost:3000,https://*.apps.example,capacitor://localhost,tauri://localhost',
    });
  });

  const LISTED = [
    'https://chat.example',
    'http://localhost:3000',
    'https://a.apps.example',
    'capacitor://localhost',
    'tauri://localhost',
  ];

  it('lets listed pages read answers and upgrade', async () => {
    for (const origin of LISTED) {
      const response = await fetch(`${choosy.http}/users/0000000`, { headers: { origin } });
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('vary')).toBe('Origin');
      expect((await upgrade(choosy.ws, { Origin: origin })).status).toBe(101);
    }
  });

  const others = [
    'https://evil.example',
    'https://chat.example.evil.example',
    'https://evilchat.example',
    'http://chat.example',
    'https://chat.example:8443',
    'https://CHAT.example',
    'http://localhost:3001',
    'https://apps.example',
    'https://a.b.apps.example',
    'https://aapps.example',
    'capacitor://localhost.evil.example',
    'null',
  ];

  it.each(others)('lets a page of %s neither read answers nor upgrade (403)', async (origin) => {
    const response = await fetch(`${choosy.http}/users/0000000`, { headers: { origin } });
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(response.headers.get('vary')).toBe('Origin');
    const answer = await upgrade(choosy.ws, { Origin: origin });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 403, detail: expect.stringContaining(origin) });
  });

  it('lets clients without an origin upgrade', async () => {
    expect((await upgrade(choosy.ws)).status).toBe(101);
  });
});

describe('limits per address', () => {
  let strict: RelayNode;

  beforeAll(async () => {
    strict = await processes.relay({
      RELAY_REGISTRATIONS_PER_MIN: '2',
      RELAY_LOOKUPS_PER_MIN: '2',
      RELAY_UPGRADES_PER_S: '1',
      RELAY_TRUSTED_PROXIES: '127.0.0.1',
    });
  });

  let addresses = 0;

  /** The headers of a client with a new address. */
  function newClient(): Record<string, string> {
    addresses += 1;
    return { 'x-forwarded-for': `198.51.100.${addresses}` };
  }

  async function expectTooMany(response: Response): Promise<void> {
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(response.headers.get('access-control-expose-headers')).toBe('Retry-After');
    expect((await problemOf(response)).detail).toBe('too many requests from your address');
  }

  const routes: [string, string, number][] = [
    ['POST', '/users', 400],
    ['GET', '/users/0000000', 404],
    ['GET', '/ws', 426],
    ['GET', '/nothing', 404],
    ['DELETE', '/users', 405],
    ['OPTIONS', '/users/0000000', 204],
  ];

  it.each(routes)(
    '%s %s answers 429 with Retry-After in seconds to the third in a row',
    async (method, path, status) => {
      const headers = newClient();
      for (let n = 0; n < 2; n += 1) {
        expect((await fetch(strict.http + path, { method, headers })).status).toBe(status);
      }
      await expectTooMany(await fetch(strict.http + path, { method, headers }));
      // Other addresses are not affected.
      expect((await fetch(strict.http + path, { method, headers: newClient() })).status).toBe(status);
    },
  );

  it('upgrades beyond the rate get 429, too', async () => {
    const headers = newClient();
    for (let n = 0; n < 2; n += 1) expect((await upgrade(strict.ws, headers)).status).toBe(101);
    const answer = await upgrade(strict.ws, headers);
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe('1');
    expect(JSON.parse(answer.body)).toMatchObject({ detail: 'too many upgrades from your address' });
  });

  it('a miss costs as much as a hit, so that codes cannot be enumerated', async () => {
    const { code } = await registerUser(strict.http);
    const headers = newClient();
    expect((await fetch(`${strict.http}/users/${code}`, { headers })).status).toBe(200);
    expect((await fetch(`${strict.http}/users/0000000`, { headers })).status).toBe(404);
    await expectTooMany(await fetch(`${strict.http}/users/${code}`, { headers }));
  });

  describe('a relay that is full', () => {
    const register = (http: string, keys: Keys) => postUser(http, registrationOf(keys));

    it.each([
      ['0', /its operator must raise the limit or remove accounts/],
      ['86400', /until accounts are deleted, as idle ones are/],
    ])('refuses registrations and promises no time that it cannot know (idle for %s s)', async (ttl, why) => {
      const full = await processes.relay({ RELAY_MAX_USERS: '1', RELAY_ACCOUNT_IDLE_TTL: ttl });
      const first = await registerUser(full.http);
      const response = await register(full.http, makeKeys());
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBeNull();
      expect((await problemOf(response)).detail).toMatch(why);
      expect((await register(full.http, first)).status).toBe(200);
    });

    it('says when to try again if a registration that was cut off gives its place back, which it does', async () => {
      const redis = await startRedis();
      try {
        const full = await processes.relay({
          RELAY_MAX_USERS: '1',
          RELAY_REDIS_URL: redis.url,
          RELAY_ACCOUNT_IDLE_TTL: '0',
        });
        // As a node leaves it that dies while it registers a user.
        await redis.call('ZADD', '{user:next-id}:unclaimed', Date.now() + 5_000, 'AAAAAAA');
        const response = await register(full.http, makeKeys());
        expect(response.status).toBe(503);
        const waitS = Number(response.headers.get('retry-after'));
        expect(waitS).toBeGreaterThan(0);
        expect(waitS).toBeLessThanOrEqual(5);
        expect((await problemOf(response)).detail).toContain('a place becomes free');
        await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
        expect((await register(full.http, makeKeys())).status).toBe(201);
      } finally {
        await redis.remove();
      }
    });
  });
});
