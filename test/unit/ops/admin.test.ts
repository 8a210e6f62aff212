import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Admin, type Health, startAdmin } from '../../../src/ops/admin.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';

const log = createLog({ logLevel: 'silent', nodeId: 'n1' });
let admin: Admin;
let health: Health;
let metrics: ReturnType<typeof createMetrics>;

beforeEach(async () => {
  health = { ready: true, reason: 'memory' };
  metrics = createMetrics();
  log.level = 'silent';
  admin = await startAdmin({ host: '127.0.0.1', port: 0, health: () => health, metrics, log });
});

afterEach(() => admin.close());

async function ask(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, init);
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
  test('shows the level and changes it at once', async () => {
    expect(await ask('/log-level')).toMatchObject({ text: 'silent\n' });
    expect(await ask('/log-level', { method: 'PUT', body: 'error' })).toMatchObject({
      status: 200,
      text: 'error\n',
    });
    expect(log.level).toBe('error');
  });

  test.each(['loud', '', 'x'.repeat(1_000_000)])('refuses anything but a level (%#)', async (body) => {
    expect(await ask('/log-level', { method: 'PUT', body })).toMatchObject({ status: 400 });
    expect(log.level).toBe('silent');
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
    const broken = await startAdmin({
      host: '127.0.0.1',
      port: 0,
      health: () => {
        throw new Error('SECRET');
      },
      metrics,
      log,
    });
    const response = await fetch(`http://127.0.0.1:${broken.port}/readyz`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('SECRET');
    await broken.close();
  });
});

test('a taken port rejects the call', async () => {
  const options = { host: '127.0.0.1', port: admin.port, health: () => health, metrics, log };
  await expect(startAdmin(options)).rejects.toThrow(/EADDRINUSE/);
});
