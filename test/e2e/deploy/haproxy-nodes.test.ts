import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toolPath } from '../../../src/cli/dev/install.ts';
import { freePort, onFreePort } from '../../../src/cli/dev/servers.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { ensureInstalled } from '../../support/servers/install.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { DnsServer } from '../../support/services/dns.ts';
import { until } from '../../support/until.ts';

/** How deploy/haproxy/haproxy.cfg finds its nodes. */

const FILE = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url));
const processes = processesForTests();

beforeAll(() => ensureInstalled('haproxy'), 300_000);

function haproxy(settings: Record<string, string>, ...args: string[]) {
  const env = { PATH: process.env.PATH, KEYRELAY_BIND_OPTIONS: '', ...settings };
  return processes.command(toolPath('haproxy'), ['-db', ...args, '-f', FILE], env);
}

describe('nodes behind one DNS name', () => {
  let dns: DnsServer;
  let balancerPort: number;
  let nodes: RelayNode[];

  beforeAll(async () => {
    // One port on several addresses, as pods and machines have it.
    const [port, adminPort] = [await freePort(), await freePort()];
    const addresses = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
    const start = (address: string) =>
      processes.relay({
        RELAY_HOST: address,
        RELAY_PORT: `${port}`,
        RELAY_ADMIN_HOST: address,
        RELAY_ADMIN_PORT: `${adminPort}`,
        RELAY_NODE_ID: address,
      });
    nodes = await Promise.all(addresses.map(start));
    dns = await DnsServer.start([]);
    const balancer = await onFreePort({
      port: 0,
      start: (listen) =>
        haproxy({
          KEYRELAY_BIND: `127.0.0.1:${listen}`,
          KEYRELAY_NODES: `nodes.relay.internal:${port}`,
          KEYRELAY_ADMIN: `${adminPort}`,
          KEYRELAY_DNS: `127.0.0.1:${dns.port}`,
        }),
    });
    balancerPort = balancer.port;
  });
  afterAll(() => dns.stop());

  /** Which nodes answer, of a few connections in a row; `leastconn` gives each its turn. */
  async function answering(): Promise<string[]> {
    const clients: PlainClient[] = [];
    for (let index = 0; index < 6; index += 1) {
      const client = await PlainClient.open(`ws://127.0.0.1:${balancerPort}/ws`).catch(() => null);
      if (client !== null) clients.push(client);
    }
    const ids = clients.map((client) => String(client.responseHeaders['relay-node']));
    await Promise.all(clients.map((client) => client.close()));
    return [...new Set(ids)].sort();
  }

  test.each([
    { what: 'none: HAProxy runs and says 503', named: [] },
    { what: 'two', named: ['127.0.0.11', '127.0.0.12'] },
    { what: 'three', named: ['127.0.0.11', '127.0.0.12', '127.0.0.13'] },
    { what: 'other ones', named: ['127.0.0.13'] },
  ])(
    'are those that the name has: $what',
    async ({ named }) => {
      dns.addresses = named;
      const isThem = async () => JSON.stringify(await answering()) === JSON.stringify(named);
      await until(isThem, { what: `connections to ${named.join(', ') || 'no node'}`, timeoutMs: 30_000 });
      if (named.length === 0) expect((await fetch(`http://127.0.0.1:${balancerPort}/ws`)).status).toBe(503);
    },
    40_000,
  );

  test('stay when the DNS server is gone', async () => {
    dns.addresses = ['127.0.0.11'];
    await until(async () => (await answering()).join() === '127.0.0.11', {
      what: 'one node',
      timeoutMs: 30_000,
    });
    dns.stop();
    // Longer than all tries and what HAProxy holds an answer for.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(await answering()).toEqual(['127.0.0.11']);
    dns = await DnsServer.start([]);
    expect(nodes.map(({ ended }) => ended)).toEqual([null, null, null]);
  });
});

describe('nodes that are named one by one', () => {
  test('are as many as are named: one, or nine', async () => {
    const node = (n: number) => ({ [`KEYRELAY_NODE_${n}`]: '127.0.0.1:1', [`KEYRELAY_ADMIN_${n}`]: '2' });
    for (const count of [1, 2, 9]) {
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      const settings = Object.assign({ KEYRELAY_BIND: '127.0.0.1:1' }, ...numbers.map(node));
      const child = await haproxy(settings, '-c');
      expect(await child.exited(), child.output).toBe('exit code 0');
    }
  });

  test('that are missing are named in the error', async () => {
    const child = await haproxy({ KEYRELAY_BIND: '127.0.0.1:1' }, '-c');
    expect(await child.exited()).toBe('exit code 1');
    expect(child.output).toContain('name the nodes: KEYRELAY_NODE_1 and KEYRELAY_ADMIN_1');
  });
});
