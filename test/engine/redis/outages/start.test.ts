import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../../src/cli/dev/servers.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { startRedis, untilReplication } from '../../../support/redis/redis.ts';
import { until } from '../../../support/until.ts';
import { redisNode, runningNode } from '../../backends.ts';
import { register } from '../../fixture.ts';

/** The errors of an engine on an unfit Redis. */
describe('starting on Redis', () => {
  const server = redisForTests({ requirepass: 'sécret:@/', 'repl-diskless-sync-delay': '0' });
  let node: Engine | null = null;
  afterEach(async () => {
    await node?.close();
    node = null;
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  const url = (password = encodeURIComponent('sécret:@/')) => `redis://:${password}@127.0.0.1:${server.port}`;
  const start = async (...urls: string[]) => {
    node = await runningNode({ urls, timings: { startTimeoutMs: 3_000 } });
    return node;
  };

  it('works with any characters in the password', async () => {
    const engine = await start(url());
    expect(engine.health()).toMatchObject({ ready: true });
    expect(await register(engine)).toMatchObject({ id: 1 });
  });

  it('reports a wrong password without printing it', async () => {
    await expect(start(url('wr0ng'))).rejects.toThrow(/refuses the user or password/);
    await expect(start(url('wr0ng'))).rejects.toMatchObject({ code: 'misconfigured' });
    await expect(start(url('wr0ng'))).rejects.not.toThrow(/wr0ng/);
  });

  it('reports that a password is needed', async () => {
    await expect(start(`redis://127.0.0.1:${server.port}`)).rejects.toThrow(/NOAUTH/);
  });

  it('refuses a Redis that may evict mailboxes, and names the remedy', async () => {
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(start(url())).rejects.toMatchObject({ code: 'misconfigured' });
    await expect(start(url())).rejects.toThrow(
      /allkeys-lru.*redis-cli -h 127.0.0.1 -p \d+ CONFIG SET maxmemory-policy noeviction/,
    );
  });

  it('reports that no server listens, and that a later try may succeed', async () => {
    const port = await freePort();
    await expect(start(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(start(`redis://127.0.0.1:${port}`)).rejects.toThrow(
      new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`),
    );
  });

  it('reports a server that is not Redis', async () => {
    const http = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await until(() => http.listening, { what: 'the server' });
    const address = http.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await expect(start(`redis://127.0.0.1:${port}`)).rejects.toThrow(`127.0.0.1:${port}`);
    http.close();
  });

  it('refuses a replica', async () => {
    const replica = await startRedis({ replicaof: `127.0.0.1 ${server.port}`, masterauth: 'sécret:@/' });
    await untilReplication(replica, /master_link_status:up/);
    await expect(start(replica.url)).rejects.toThrow(/is a replica: name its master/);
    await replica.remove();
  });

  it('refuses several URLs without a Cluster', async () => {
    await expect(start(url(), url())).rejects.toThrow(/several Redis URLs mean a Redis Cluster/);
  });

  it('refuses a Cluster with slots without a master', async () => {
    const lonely = await startRedis({ 'cluster-enabled': 'yes' });
    await expect(start(lonely.url)).rejects.toThrow(/cluster_state is fail/);
    await lonely.remove();
  });

  it('explains the form of a URL without printing the password', () => {
    const wrong = [
      ['http://localhost', /expected redis:\/\/host:port/],
      ['redis://user:geheim@', /not a Redis URL/],
      ['redis://localhost/3', /databases other than 0/],
      ['redis+sentinel://localhost', /expected redis:\/\/host:port/],
    ] as const;
    for (const [text, message] of wrong) {
      expect(() => redisNode({ urls: [text] })).toThrow(message);
      expect(() => redisNode({ urls: [text] })).not.toThrow(/geheim/);
    }
    expect(() => redisNode({ urls: [] })).toThrow(/no Redis URL/);
    expect(() => redisNode({ urls: ['redis://a', 'rediss://b'] })).toThrow(/share one scheme/);
  });
});
