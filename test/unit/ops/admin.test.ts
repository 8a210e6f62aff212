import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Admin, type AdminApi, type Health, startAdmin } from '../../../src/ops/admin.ts';
import { createLog } from '../../../src/ops/log/log.ts';
import { createMetrics } from '../../../src/ops/metrics/metrics.ts';

const log = createLog({ logLevel: 'silent', nodeId: 'n1' });
const TOKEN = 'correct horse battery'.replaceAll(' ', '-');
const authorization = `Bearer ${TOKEN}`;
let admin: Admin;
let api: AdminApi | null;
let health: Health;
let metrics: ReturnType<typeof createMetrics>;

/** The admin port of a node, with this node's health, metrics and API where not said otherwise. */
function start(changes: Partial<Parameters<typeof startAdmin>[0]> = {}): Promise<Admin> {
  const own = { health: () => health, metrics, log, token: TOKEN, api: () => api };
  return startAdmin({ host: '127.0.0.1', port: 0, ...own, ...changes });
}

beforeEach(async () => {
  health = { ready: true, reason: 'memory' };
  metrics = createMetrics();
  api = null;
  log.level = 'silent';
  admin = await start();
});

afterEach(() => admin.close());

async function ask(path: string, init: RequestInit = {}, of = admin) {
  const response = await fetch(`http://127.0.0.1:${of.port}${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test('/healthz answers 200 while the process runs, ready or not', async () => {
  health = { ready: false, reason: 'Redis is away' };
  expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'alive\n' });
});

describe('/readyz', () => {
  test('is 200 while envelopes can be stored', async () => {
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ready: memory\n' });
  });

  test('is 503 with the reason otherwise', async () => {
    health = { ready: false, reason: 'draining' };
    expect(await ask('/readyz')).toMatchObject({ status: 503, text: 'not ready: draining\n' });
  });
});

test('/metrics answers in the text format of Prometheus', async () => {
  metrics.takeovers.add(3);
  const { status, text, headers } = await ask('/metrics');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain('\nkeyrelay_takeovers_total 3\n');
});

describe('/log-level', () => {
  const setLevel = (body: string) => ask('/log-level', { method: 'PUT', body, headers: { authorization } });

  test('shows the level and changes it at once', async () => {
    expect(await ask('/log-level')).toMatchObject({ text: 'silent\n' });
    expect(await setLevel('error')).toMatchObject({ status: 200, text: 'error\n' });
    expect(log.level).toBe('error');
  });

  test.each(['loud', '', 'x'.repeat(1_000_000)])('refuses anything but a level (%#)', async (body) => {
    expect(await setLevel(body)).toMatchObject({ status: 400 });
    expect(log.level).toBe('silent');
  });
});

describe('what changes something, and the API', () => {
  const requests: [string, RequestInit][] = [
    ['/log-level', { method: 'PUT', body: 'error' }],
    ['/v1/users', {}],
    ['/v1/nothing', { method: 'DELETE' }],
  ];

  test.each(requests)('%s needs the token, and says so', async (path, init) => {
    api = async () => ({ status: 204 });
    const wrong = ['', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`];
    for (const given of wrong) {
      const { status, text, headers } = await ask(path, { ...init, headers: { authorization: given } });
      expect([given, status]).toEqual([given, 401]);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="keyrelay admin"');
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(text).toContain('RELAY_ADMIN_TOKEN');
      expect(text).not.toContain(TOKEN);
    }
    expect(log.level).toBe('silent');
  });

  test.each(requests)('%s is not served by a node without a token', async (path, init) => {
    const open = await start({ token: '', api: () => async () => ({ status: 204 }) });
    for (const given of ['', 'Bearer ', 'Bearer x']) {
      const { status, text } = await ask(path, { ...init, headers: { authorization: given } }, open);
      expect(status).toBe(403);
      expect(text).toContain('RELAY_ADMIN_TOKEN');
    }
    await open.close();
  });

  test('the API gets path, query, body and operator', async () => {
    let seen: unknown;
    api = async ({ query, ...request }) => {
      seen = { ...request, query: Object.fromEntries(query) };
      return { status: 201, json: { made: true } };
    };
    const headers = { authorization, 'x-operator': 'ann@desk' };
    const answer = await ask('/v1/things/a%2Fb?reason=because', { method: 'POST', body: '{"n":1}', headers });
    expect(answer).toMatchObject({ status: 201, text: '{"made":true}\n' });
    expect(seen).toEqual({
      method: 'POST',
      path: '/v1/things/a%2Fb',
      query: { reason: 'because' },
      body: '{"n":1}',
      operator: 'ann@desk (127.0.0.1)',
    });
  });

  test('a body of more than 4 KiB is refused, and a node that starts says so', async () => {
    expect(await ask('/v1/users', { headers: { authorization } })).toMatchObject({ status: 503 });
    api = async () => ({ status: 204 });
    const init = { method: 'POST', body: 'x'.repeat(5_000), headers: { authorization } };
    expect(await ask('/v1/users', init)).toMatchObject({ status: 413 });
  });
});

describe('anything else', () => {
  test('HEAD is like GET without the body', async () => {
    expect(await ask('/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  test('another method is 405 with Allow', async () => {
    const { status, headers } = await ask('/metrics', { method: 'POST' });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('GET, HEAD');
  });

  test.each(['/', '/metrics/', '/__proto__', '/constructor'])(
    '%s is 404 and lists the routes',
    async (path) => {
      const { status, text } = await ask(path);
      expect(status).toBe(404);
      expect(text).toContain('/readyz');
    },
  );

  test('an internal failure is 500 and reveals nothing', async () => {
    const broken = await start({
      health: () => {
        throw new Error('SECRET');
      },
    });
    const { status, text } = await ask('/readyz', {}, broken);
    expect(status).toBe(500);
    expect(text).not.toContain('SECRET');
    await broken.close();
  });
});

test('a taken port rejects the call', async () => {
  await expect(start({ port: admin.port })).rejects.toThrow(/EADDRINUSE/);
});
