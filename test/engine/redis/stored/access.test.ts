import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../../src/cli/dev/servers.ts';
import { ACCESS } from '../../../../src/engine/redis/schema.ts';
import { folderForTests } from '../../../support/folder.ts';
import { startRedis } from '../../../support/redis/redis.ts';
import { makeCertificate } from '../../../support/services/certificate.ts';
import { until } from '../../../support/until.ts';
import { redisNode } from '../../backends.ts';
import { envelope, ids, login, RecordingListener, register, Sender } from '../../fixture.ts';

const MINIMAL_ACL = [
  ...ACCESS.keys.map((pattern) => `~${pattern}`),
  ...ACCESS.channels.map((pattern) => `&${pattern}`),
  '-@all',
  ...ACCESS.commands.map((command) => `+${command}`),
];

describe('the minimal Redis ACL', () => {
  it('allows everything that a relay does', async () => {
    const server = await startRedis();
    await server.call(
      'ACL',
      'SETUSER',
      'relay',
      'on',
      '>geheim',
      'resetkeys',
      'resetchannels',
      ...MINIMAL_ACL,
    );
    const limits = {
      mailboxEnvelopes: 10,
      mailboxBytes: 10_000,
      mailboxSharePercent: 100,
      mailboxTtlMs: 1_500,
      maxUsers: 10,
      maxBlocks: 10,
    };
    const presence = () => ({ address: '127.0.0.1:8080', version: '1.2.3', sockets: 0 });
    const node = redisNode({ urls: [`redis://relay:geheim@127.0.0.1:${server.port}`], limits, presence });
    await node.start();
    await until(async () => (await node.liveNodes()).length === 1, { what: 'presence' });
    const { code } = await register(node);
    const listener = new RecordingListener();
    const subscription = await node.subscribe(code, listener);
    const { session } = await login(node, code, 2);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(code, envelope('a', 'x'), envelope('b', 'y'));
    const [first = ''] = await ids(node, session);
    await alice.send(code, envelope('poison'), envelope('behind it'));
    const [, , poison = ''] = await ids(node, session);
    expect(await node.deadLetter(session, poison, 'unsendable')).toBe('held');
    expect(await node.confirm(session, first)).toBe('held');
    await until(async () => (await ids(node, session)).length === 0, { what: 'expiry' });
    expect(await node.reclaim(session, null)).toBe('held');
    await until(() => listener.wakeUps.length === 4, { what: 'wake-ups' });
    subscription.unsubscribe();
    await node.release(session);
    await server.call('SCRIPT', 'FLUSH');
    await alice.send(code, envelope('c'));
    await until(async () => (await server.call('HGET', `user:{${code}}`, 'settled')) === '1', {
      what: 'settling',
    });
    await node.close();
    expect(await server.call('ACL', 'LOG')).toEqual([]);
    await server.remove();
  });
});

describe('Redis over TLS', () => {
  const folder = folderForTests();
  beforeAll(async () => {
    const { certPem, keyPem } = makeCertificate('redis');
    await writeFile(join(folder, 'cert.pem'), certPem);
    await writeFile(join(folder, 'key.pem'), keyPem);
  });

  it('is used for rediss://, and only with a server whose certificate is valid', async () => {
    const tlsPort = await freePort();
    const server = await startRedis({
      'tls-port': `${tlsPort}`,
      'tls-cert-file': join(folder, 'cert.pem'),
      'tls-key-file': join(folder, 'key.pem'),
      'tls-ca-cert-file': join(folder, 'cert.pem'),
      'tls-auth-clients': 'no',
    });
    const url = `rediss://localhost:${tlsPort}`;
    const distrustful = redisNode({ urls: [url] });
    await expect(distrustful.start()).rejects.toThrow(/self-signed certificate/);
    // Node reads NODE_EXTRA_CA_CERTS at its start: so in a child process, as an operator would.
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', TLS_CLIENT, url], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') },
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toMatchObject({ ready: true });
    await server.remove();
  });
});

describe('sentinels with a password of their own', () => {
  const folder = folderForTests();

  it('are asked with it, over TLS or not, and the servers with theirs', async () => {
    const { certPem, keyPem } = makeCertificate('redis');
    await writeFile(join(folder, 'cert.pem'), certPem);
    await writeFile(join(folder, 'key.pem'), keyPem);
    const overTls = async () => ({
      'tls-port': `${await freePort()}`,
      'tls-cert-file': join(folder, 'cert.pem'),
      'tls-key-file': join(folder, 'key.pem'),
      'tls-ca-cert-file': join(folder, 'cert.pem'),
      'tls-auth-clients': 'no',
    });
    const forServer = await overTls();
    const server = await startRedis({ ...forServer, requirepass: 'd@ta&1' });
    await server.call('ACL', 'SETUSER', 'relay', 'on', '>geheim', 'allkeys', 'allchannels', '+@all');
    const forSentinel = await overTls();
    const sentinel = await startRedis({ ...forSentinel, requirepass: 'w@tch&1' }, { sentinel: true });
    await sentinel.call(
      'ACL',
      'SETUSER',
      'asker',
      'on',
      '>fr@gt',
      'allchannels',
      '-@all',
      '+sentinel',
      '+hello',
    );
    const watch = async (name: string, port: string | number) => {
      await sentinel.call('SENTINEL', 'MONITOR', name, '127.0.0.1', port, 1);
      await sentinel.call('SENTINEL', 'SET', name, 'auth-pass', 'd@ta&1');
    };
    await watch('plain', server.port);
    await watch('secret', forServer['tls-port']);
    const data = 'relay:geheim';
    const [port, tlsPort] = [sentinel.port, forSentinel['tls-port']];
    const asker = 'sentinel_user=asker&sentinel_password=fr%40gt';
    try {
      for (const [url, ready] of [
        [`redis+sentinel://${data}@127.0.0.1:${port}/plain?sentinel_password=w%40tch%261`, true],
        [`redis+sentinel://${data}@127.0.0.1:${port}/plain?${asker}`, true],
        [`redis+sentinel://${data}@127.0.0.1:${port}/plain`, /NOAUTH.*sentinel_password=/],
        [
          `redis+sentinel://${data}@127.0.0.1:${port}/plain?sentinel_password=no`,
          /WRONGPASS.*sentinel_password=/,
        ],
        [`redis+sentinel://relay:no@127.0.0.1:${port}/plain?${asker}`, /WRONGPASS/],
      ] as const) {
        const node = redisNode({ urls: [url], timings: { startTimeoutMs: 5_000 } });
        if (ready === true) {
          await node.start();
          expect(node.health().ready).toBe(true);
          await node.close();
        } else {
          await expect(node.start()).rejects.toMatchObject({
            code: 'misconfigured',
            message: expect.stringMatching(ready),
          });
        }
      }
      for (const url of [
        `rediss+sentinel://${data}@127.0.0.1:${tlsPort}/secret?${asker}`,
        `rediss+sentinel://${data}@127.0.0.1:${port}/secret?${asker}&sentinel_tls=no`,
        `redis+sentinel://${data}@127.0.0.1:${tlsPort}/plain?${asker}&sentinel_tls=yes`,
      ]) {
        const output = execFileSync(process.execPath, ['--input-type=module', '-e', TLS_CLIENT, url], {
          env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') },
          encoding: 'utf8',
        });
        expect([url, JSON.parse(output)]).toMatchObject([url, { ready: true }]);
      }
    } finally {
      await sentinel.remove();
      await server.remove();
    }
  });
});

/** Runs the build: a child process cannot load TypeScript. */
const TLS_CLIENT = `
  import { createRedisEngine } from ${JSON.stringify(new URL('../../../../dist/engine/redis/engine.js', import.meta.url).href)};
  const limits = { mailboxEnvelopes: 10, mailboxBytes: 10_000, mailboxSharePercent: 100, mailboxTtlMs: 1_000, maxUsers: 10, maxBlocks: 10 };
  const node = createRedisEngine({ urls: [process.argv[1]], nodeId: 'tls', limits, waitReplicas: 0 });
  await node.start();
  console.log(JSON.stringify(node.health()));
  await node.close();
`;
