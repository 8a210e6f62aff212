import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chosen, ROWS } from '../../../deploy/grafana/dashboard.ts';
import { toolPath } from '../../../src/cli/dev/install.ts';
import { MONITORING_TOOLS, type Monitoring, startMonitoring } from '../../../src/cli/dev/monitoring.ts';
import { freePort, type HaproxyServer, type RedisServer, startRedis } from '../../../src/cli/dev/servers.ts';
import { FOREIGN_METRICS } from '../../support/documents/foreign-metrics.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { ensureInstalled } from '../../support/servers/install.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { startHaproxy } from '../../support/services/haproxy.ts';
import { type NginxServer, startNginx } from '../../support/services/nginx.ts';
import { until } from '../../support/until.ts';

/** The files of deploy/, each run by the real server. */

const INSTALL_MS = 300_000;
/** Prometheus scrapes every 10 s; a rate needs two of them. */
const SCRAPED_MS = 45_000;

const processes = processesForTests();
let redis: RedisServer;
let nodes: [RelayNode, RelayNode, RelayNode];
let haproxy: HaproxyServer;
let nginx: NginxServer;
let monitoring: Monitoring;

beforeAll(async () => {
  ensureInstalled('promtool', ...MONITORING_TOOLS);
  redis = await startRedis();
  const settings = {
    RELAY_REDIS_URL: redis.url,
    RELAY_TRUSTED_PROXIES: '127.0.0.1',
    RELAY_LOG_LEVEL: 'debug',
    RELAY_DRAIN_MS: '2000',
  };
  const node = () => processes.relay(settings);
  nodes = await Promise.all([node(), node(), node()]);
  const haproxyMetricsPort = await freePort();
  haproxy = await startHaproxy({ port: 0, nodes, metricsPort: haproxyMetricsPort });
  nginx = await startNginx(nodes);
  const frontDoor = `http://127.0.0.1:${haproxy.port}`;
  monitoring = await startMonitoring({ port: 0, nodes, redisUrl: redis.url, haproxyMetricsPort, frontDoor });
}, INSTALL_MS);

afterAll(async () => {
  await Promise.all([monitoring.stop(), nginx.stop(), haproxy.child.stop()]);
  await redis.stop();
});

/** Alice writes to Bob, who is connected. Resolves when the envelope has arrived. */
async function talk(
  http: string,
  ws: string,
): Promise<{ readonly alice: PlainClient; readonly bob: PlainClient }> {
  const [aliceUser, bobUser] = [await registerUser(http), await registerUser(http)];
  const alice = await PlainClient.login(ws, aliceUser);
  const bob = await PlainClient.login(ws, bobUser);
  const message = '{"type":"message","payload":"hello"}';
  alice.sendData(
    aliceUser,
    `{"sender":"${aliceUser.code}","recipient":"${bobUser.code}","message":${message}}`,
  );
  await bob.until(() => bob.envelopes.length === 1);
  return { alice, bob };
}

interface Sample {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}

async function api<T>(path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${monitoring.port}/api/v1/${path}`);
  const answer = (await response.json()) as { status: string; error?: string; data: T };
  if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
  return answer.data;
}

/** @param atMs now by default */
async function query(expr: string, atMs = Date.now()): Promise<readonly Sample[]> {
  const path = `query?query=${encodeURIComponent(expr)}&time=${atMs / 1_000}`;
  return (await api<{ result: Sample[] }>(path)).result;
}

describe('Prometheus, with the files of deploy/prometheus', () => {
  test('sees nodes, Redis, HAProxy and an open front door', { timeout: SCRAPED_MS }, async () => {
    const { alice, bob } = await talk(
      `http://127.0.0.1:${haproxy.port}`,
      `ws://127.0.0.1:${haproxy.port}/ws`,
    );
    await until(async () => (await query('up == 1')).length === 7, {
      what: '7 targets',
      timeoutMs: SCRAPED_MS,
    });
    expect((await query('probe_success')).map(({ value }) => value[1])).toEqual(['1']);
    await alice.close();
    await bob.close();
  });

  test('has every metric of other servers that rules and dashboard ask for', async () => {
    const names = new Set(await api<string[]>('label/__name__/values'));
    expect(FOREIGN_METRICS.filter((name) => !names.has(name))).toEqual([]);
  });

  test('evaluates every rule, and no alert fires in a healthy cluster', {
    timeout: 2 * SCRAPED_MS,
  }, async () => {
    interface Rule {
      readonly name: string;
      readonly type: string;
      readonly health: string;
      readonly state?: string;
    }
    const rules = async () =>
      (await api<{ groups: { rules: Rule[] }[] }>('rules')).groups.flatMap((group) => group.rules);
    const evaluated = async () => (await rules()).every(({ health }) => health !== 'unknown');
    await until(evaluated, { what: 'every rule evaluated', timeoutMs: SCRAPED_MS });
    expect((await rules()).filter(({ health }) => health !== 'ok')).toEqual([]);
    const alerts = async () => (await rules()).filter(({ type }) => type === 'alerting');
    // How full the disks of this machine are is no matter of the cluster's.
    const active = async () =>
      (await alerts())
        .filter(({ name, state }) => state !== 'inactive' && name !== 'KeyrelayDiskFilling')
        .map(({ name }) => name);
    // Before the first scrape nothing is seen, and alerts on that are pending.
    let last: string[] = [];
    const quiet = async () => {
      last = await active();
      return last.length === 0;
    };
    await until(quiet, { what: 'every alert to be inactive', timeoutMs: SCRAPED_MS }).catch(() => undefined);
    expect(last).toEqual([]);
    expect((await alerts()).length).toBeGreaterThan(15);
  });

  test('answers every query of the dashboard', async () => {
    // One moment for both, by which every scrape has ended: in between, another series could begin.
    const atMs = Date.now() - 2_000;
    for (const { expr } of ROWS.flatMap(({ panels }) => panels).flatMap(({ queries }) => queries)) {
      const asked = chosen(expr)
        .replaceAll('$__rate_interval', '1m')
        .replaceAll(/\$(cluster|node)/g, '.*');
      // What is chosen has no effect where everything is.
      const unchosen = await query(expr.replaceAll('$__rate_interval', '1m'), atMs);
      expect((await query(asked, atMs)).length, expr).toBe(unchosen.length);
    }
    expect((await query('sum(keyrelay_ready)'))[0]?.value[1]).toBe('3');
  });
});

test('promtool accepts what a node serves after some traffic', async () => {
  for (const { adminPort } of nodes) {
    const input = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    expect(input).toMatch(/^keyrelay_redis_duration_seconds_bucket/m);
    const options = { input, encoding: 'utf8', stdio: 'pipe' } as const;
    expect(execFileSync(toolPath('promtool'), ['check', 'metrics'], options)).toBe('');
  }
});

describe('nginx, with the file of deploy/nginx', () => {
  test('carries WebSockets both ways, and tells nodes the address that it saw', async () => {
    const forged = { 'x-forwarded-for': '203.0.113.7' };
    const user = await registerUser(nginx.http);
    const client = await PlainClient.login(nginx.ws, user, { headers: forged });
    const node = nodes.find(({ id }) => id === client.responseHeaders['relay-node']);
    const line = () => node?.output.split('\n').find((text) => text.includes(user.code));
    await until(() => line() !== undefined, { what: 'the line of this session' });
    expect(line()).toContain('"address":"127.0.0.1"');
    await client.close();
    const { alice, bob } = await talk(nginx.http, nginx.ws);
    await Promise.all([alice.close(), bob.close()]);
  });

  test('sends new connections to the other nodes while one stops', async () => {
    const [, , stopping] = nodes;
    const ended = stopping.stop();
    let stopped = false;
    void ended.then(() => {
      stopped = true;
    });
    let served = 0;
    while (!stopped) {
      const client = await PlainClient.login(nginx.ws, await registerUser(nginx.http));
      expect(client.responseHeaders['relay-node']).not.toBe(stopping.id);
      await client.close();
      served += 1;
    }
    expect(await ended).toBe('exit code 0');
    expect(served).toBeGreaterThan(0);
  });
});
