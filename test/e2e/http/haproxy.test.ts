import { request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser, registrationOf } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { Balancer } from '../../support/servers/processes.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** deploy/haproxy/haproxy.cfg in front of three nodes. */

const REGISTRATIONS_PER_MIN = 10;

const redis = redisForTests();
const processes = processesForTests();
let nodes: [RelayNode, RelayNode, RelayNode];
let balancer: Balancer;

beforeAll(async () => {
  const settings = {
    RELAY_REDIS_URL: redis.url,
    RELAY_TRUSTED_PROXIES: '127.0.0.1',
    RELAY_REGISTRATIONS_PER_MIN: String(REGISTRATIONS_PER_MIN),
    RELAY_DRAIN_MS: '2000',
  };
  nodes = await Promise.all([
    processes.relay(settings),
    processes.relay(settings),
    processes.relay(settings),
  ]);
  balancer = await processes.balancer(nodes);
});

/** `POST /users` from an address of loopback's many, claiming to be forwarded for another. */
function registerFrom(localAddress: string, forwardedFor: string): Promise<number> {
  const keys = makeKeys();
  const body = JSON.stringify(registrationOf(keys));
  return new Promise((resolve, reject) => {
    const headers = { 'x-forwarded-for': forwardedFor, 'content-length': body.length };
    const options = { method: 'POST', port: balancer.port, path: '/users', localAddress, headers };
    request({ host: '127.0.0.1', ...options }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end(body);
  });
}

describe('limits per address', () => {
  test('count the address that HAProxy saw, whatever a client claims', async () => {
    const statuses = [];
    // Three nodes count each for itself: so many are surely too many, even if some time passes.
    const tries = 3 * REGISTRATIONS_PER_MIN + 20;
    for (let index = 0; index < tries; index += 1) {
      statuses.push(await registerFrom('127.0.0.7', `10.0.0.${index}`));
    }
    expect([...new Set(statuses)].sort()).toEqual([201, 429]);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
    expect(await registerFrom('127.0.0.8', '127.0.0.7')).toBe(201);
  });
});

describe('a node that stops', () => {
  test('new connections are served all the time, and its clients are asked to come back', async () => {
    const users: PlainUser[] = [];
    for (let index = 0; index < 12; index += 1) users.push(await registerUser(balancer.http));
    const residents = await Promise.all(
      users.slice(0, 6).map((user) => PlainClient.login(balancer.ws, user)),
    );
    const [stopping] = nodes;
    const evicted = residents.filter((client) => client.responseHeaders['relay-node'] === stopping.id);
    expect(evicted.length).toBeGreaterThan(0);

    let stopped = false;
    const stop = stopping.stop().then((ended) => {
      stopped = true;
      return ended;
    });
    // One login after the other, until the node is gone and the balancer has seen it.
    const landed: string[] = [];
    const isGone = () => balancer.output.includes('nodes/node1 is DOWN');
    for (let index = 6; !(stopped && isGone() && landed.length >= 30); index = index === 11 ? 6 : index + 1) {
      const user = users[index];
      if (user === undefined) throw new Error('no such user');
      const client = await PlainClient.login(balancer.ws, user);
      expect(client.received[0]).toContain('"connect_ack"');
      landed.push(String(client.responseHeaders['relay-node']));
      client.ws.terminate();
    }

    expect(await stop).toBe('exit code 0');
    for (const client of evicted) expect((await client.untilClosed()).code).toBe(1012);
    const others = residents.filter((client) => !evicted.includes(client));
    expect(others.map((client) => client.closed)).toEqual(others.map(() => null));
    expect(landed.slice(-5)).not.toContain(stopping.id);
  });
});
