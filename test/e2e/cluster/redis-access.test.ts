import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { answers, plainEnvelope } from '../../support/clients/scene.ts';
import { folderForTests } from '../../support/folder.ts';
import { command } from '../../support/plain/commands.ts';
import { connectText, envelopeFrame, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, postUser, registerUser, registrationOf, signHex } from '../../support/plain/users.ts';
import { type RedisServer, startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { makeCertificate } from '../../support/services/certificate.ts';

/** Redis as docs/security.md advises: TLS, and a user with exactly the permissions that the relay needs. */

const ACL = readFileSync(new URL('../../../deploy/redis/keyrelay.acl', import.meta.url), 'utf8');
const SECURITY = new URL('../../../docs/security.md', import.meta.url);
const PASSWORD = 'a-password-of-this-test';

const folder = folderForTests();
const servers: RedisServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.remove()));
});
const processes = processesForTests();

/** What would name other keys or channels, if it ever got there. */
const HOSTILE_CODES = [
  '{0}:user',
  '0000000}:x',
  '*',
  '?',
  '[0-9]',
  'user:next-id',
  '0000000\n',
  '0000000\r\nFLUSHALL',
  '0000000\0',
  '..%2f..',
  'ОООO000',
  'server',
];

/** Asks for these codes, sends to them and as them, and logs in as them. */
async function tryCodes(relay: RelayNode): Promise<void> {
  const mallory = await registerUser(relay.http);
  for (const code of HOSTILE_CODES) {
    const answer = await fetch(`${relay.http}/users/${encodeURIComponent(code)}`);
    expect([400, 404], code).toContain(answer.status);
    const name = JSON.stringify(code);
    const message = '"message":{"type":"message"}';
    const client = await PlainClient.login(relay.ws, mallory);
    for (const data of [
      `{"sender":"${mallory.code}","recipient":${name},${message}}`,
      `{"sender":${name},"recipient":"${mallory.code}",${message}}`,
      `{"sender":"${mallory.code}","recipient":"${mallory.code}","id":${name},${message}}`,
    ]) {
      client.sendData(mallory, data);
    }
    await client.until(() => answers(client) === 3);
    for (const error of client.errors()) expect(['bad_frame', 'sender_mismatch'], code).toContain(error.code);
    // `server` is no user's code, and an id like any other.
    expect(client.accepted(), code).toEqual(code === 'server' ? [code] : []);
    await client.close();
    const thief = await PlainClient.open(relay.ws);
    thief.sendData(mallory, `{"sender":${name},"message":{"type":"connect"}}`);
    expect([4400, 4401], code).toContain((await thief.untilClosed()).code);
  }
}

/** Carol is offline: her waiting envelopes are counted by sender, until she confirms them. */
async function fillAndEmpty(relay: RelayNode): Promise<void> {
  const [alice, bob, carol] = [
    await registerUser(relay.http),
    await registerUser(relay.http),
    await registerUser(relay.http),
  ];
  for (const [user, count] of [
    [bob, 1],
    [alice, 5],
  ] as const) {
    const client = await PlainClient.login(relay.ws, user);
    for (let n = 0; n < count; n += 1) client.send(plainEnvelope(user, carol.code));
    await client.until(() => answers(client) === count);
    expect(client.errors().length).toBe(count - Math.min(count, 4));
    await client.close();
  }
  const client = await PlainClient.login(relay.ws, carol, { protocol: 2 });
  await client.until(() => client.envelopes.length === 5);
  for (const envelope of [client.envelopes[0], client.envelopes[4]]) {
    const before = await relay.metric('keyrelay_envelopes_confirmed_total');
    client.send(`{"ack":"${/"seq":"([^"]+)"/.exec(envelope ?? '')?.[1]}"}`);
    await relay.untilMetric('keyrelay_envelopes_confirmed_total', (count) => count > before);
  }
  await client.close();
}

/** Bob blocks one of two, hears known people only, and asks whom he blocks. */
async function hearFew(relay: RelayNode): Promise<void> {
  const [bob, eve, mallory] = [
    await registerUser(relay.http),
    await registerUser(relay.http),
    await registerUser(relay.http),
  ];
  const socket = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  for (const [verb, payload] of [
    ['block', { code: eve.code }],
    ['policy', { accept: 'known', known: [] }],
    ['blocks', {}],
  ] as const) {
    expect((await command(socket, bob, verb, payload)).error, verb).toBeUndefined();
  }
  for (const user of [eve, mallory]) {
    const client = await PlainClient.login(relay.ws, user);
    client.send(plainEnvelope(user, bob.code));
    await client.until(() => answers(client) === 1);
    await client.close();
  }
  socket.send(plainEnvelope(bob, mallory.code));
  await socket.until(() => socket.accepted().length === 4);
  expect((await command(socket, bob, 'unblock', { code: eve.code })).error).toBeUndefined();
  await socket.close();
}

/** Everything that a node does with Redis, but for what needs a Cluster or replicas. */
async function useAll(relay: RelayNode, url: string): Promise<void> {
  const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
  const keys = makeKeys();
  const proof = signHex(keys, `relay-register:${keys.ecdhPublicKey}:${keys.eddsaPublicKey}`);
  const proven = registrationOf(keys, { proof });
  expect((await postUser(relay.http, proven)).status).toBe(201);
  expect((await postUser(relay.http, proven)).status).toBe(200);
  expect((await fetch(`${relay.http}/users/${bob.code}`)).status).toBe(200);
  const sender = await PlainClient.login(relay.ws, alice);
  const envelope = (id: string) => envelopeFrame(alice, { recipient: bob.code, id });
  for (const id of ['a', 'b', 'b']) sender.send(envelope(id));
  await sender.until(() => sender.accepted().length === 3);
  const recipient = await PlainClient.login(relay.ws, bob);
  await recipient.until(() => recipient.envelopes.length === 2);
  sender.send(envelope('c'));
  await recipient.until(() => recipient.envelopes.length === 3);
  await relay.untilMetric('keyrelay_envelopes_confirmed_total', (count) => count === 3);
  await sender.close();
  await recipient.close();
  expect(await reopen(url, bob.code)).toBe('exit code 0');
}

async function reopen(url: string, code: string): Promise<string> {
  return (await processes.keyrelay(['reopen', code], { RELAY_REDIS_URL: url })).exited();
}

it('a node does all its work as the user of deploy/redis/keyrelay.acl, and Redis logs no refusal, whatever codes clients try', async () => {
  expect(readFileSync(SECURITY, 'utf8')).toContain(ACL.trim());
  const aclFile = join(folder, 'users.acl');
  writeFileSync(aclFile, `${ACL.replace('>CHANGE-ME', `>${PASSWORD}`)}user auditor on nopass +@all\n`);
  const redis = await startRedis({ aclfile: aclFile });
  servers.push(redis);
  const auditor = new Redis({ port: redis.port, host: '127.0.0.1', username: 'auditor', password: 'any' });
  const url = `redis://keyrelay:${PASSWORD}@127.0.0.1:${redis.port}`;
  const small = { RELAY_MAILBOX_ENVELOPES: '16', RELAY_MAILBOX_SHARE: '25' };
  const relay = await processes.relay({ RELAY_REDIS_URL: url, RELAY_NOISE_PER_S: '0', ...small });
  await useAll(relay, url);
  await fillAndEmpty(relay);
  await hearFew(relay);
  await tryCodes(relay);
  expect(await auditor.call('ACL', 'LOG')).toEqual([]);

  const intruder = new Redis({
    port: redis.port,
    host: '127.0.0.1',
    username: 'keyrelay',
    password: PASSWORD,
  });
  for (const command of [
    ['KEYS', '*'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['SET', 'other', '1'],
    ['SUBSCRIBE', 'x'],
    ['ACL', 'LIST'],
  ]) {
    const [name = '', ...args] = command;
    await expect(intruder.call(name, ...args), name).rejects.toThrow('NOPERM');
  }
  intruder.disconnect();
  auditor.disconnect();
});

it('a node speaks TLS with Redis, and refuses a server whose certificate it cannot check', async () => {
  const { certPem, keyPem } = makeCertificate('redis');
  const [certFile, keyFile] = [join(folder, 'redis.pem'), join(folder, 'redis.key')];
  writeFileSync(certFile, certPem);
  writeFileSync(keyFile, keyPem);
  const tlsPort = `${await freePort()}`;
  const redis = await startRedis({
    'tls-port': tlsPort,
    'tls-cert-file': certFile,
    'tls-key-file': keyFile,
    'tls-auth-clients': 'no',
  });
  servers.push(redis);
  const url = `rediss://127.0.0.1:${tlsPort}`;
  const relay = await processes.relay({ RELAY_REDIS_URL: url, NODE_EXTRA_CA_CERTS: certFile });
  const alice = await registerUser(relay.http);
  const client = await PlainClient.login(relay.ws, alice);
  client.send(envelopeFrame(alice, { recipient: alice.code }));
  await client.until(() => client.envelopes.length === 1);
  await client.close();
  await expect(processes.relay({ RELAY_REDIS_URL: url })).rejects.toThrow(/self[- ]signed|certificate/i);
});

it('registrations are refused while memory is short, before mail suffers', async () => {
  const redis = await startRedis({ maxmemory: '30mb' });
  servers.push(redis);
  const relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
  const alice = await registerUser(relay.http);
  // In pieces, since a command's own buffer counts while it runs; each just fits what jemalloc gives 1 MiB for.
  const ballast = Array.from({ length: 27 }, (_, mebibyte) => `ballast-${mebibyte}`);
  for (const key of ballast) await redis.call('SET', key, 'x'.repeat((1 << 20) - 64));
  await expect(registerUser(relay.http)).rejects.toThrow('503');
  const client = await PlainClient.login(relay.ws, alice);
  client.send(envelopeFrame(alice, { recipient: alice.code }));
  await client.until(() => client.envelopes.length === 1);
  await client.close();
  await redis.call('DEL', ...ballast);
  expect((await registerUser(relay.http)).id).toBeGreaterThan(alice.id);
});

it('reopen allows protocol 1 for an account that has used protocol 2, until it uses 2 again', async () => {
  const redis = await startRedis();
  servers.push(redis);
  const relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
  const alice = await registerUser(relay.http);
  const connect1 = frameOf(alice, connectText(alice.code));
  const login1 = async () => {
    const client = await PlainClient.open(relay.ws);
    client.send(connect1);
    await client.until(() => client.received.length > 0 || client.closed !== null);
    const [first = ''] = client.received;
    client.ws.terminate();
    return /"connect_ack"|"protocol_required"/.exec(first)?.[0];
  };
  const login2 = async () => {
    const client = await PlainClient.open(relay.ws, { protocol: 2 });
    await client.until(() => client.received.length === 1);
    const nonce = /"nonce":"([0-9a-f]{64})"/.exec(client.received[0] ?? '')?.[1] ?? '';
    const payload = `{"nonce":"${nonce}","audience":null}`;
    client.sendData(alice, `{"sender":"${alice.code}","message":{"type":"connect","payload":${payload}}}`);
    await client.until(() => client.received.length > 1);
    client.ws.terminate();
  };
  expect(await login1()).toBe('"connect_ack"');
  await login2();
  expect(await login1()).toBe('"protocol_required"');
  expect(await reopen(redis.url, alice.code)).toBe('exit code 0');
  expect(await login1()).toBe('"connect_ack"');
  await login2();
  expect(await login1()).toBe('"protocol_required"');
  expect(await reopen(redis.url, '0000000')).toBe('exit code 1');
  expect(await reopen('', alice.code)).toBe('exit code 2');
  expect(await reopen(redis.url, 'alice')).toBe('exit code 2');
});
