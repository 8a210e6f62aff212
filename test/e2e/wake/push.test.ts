import { createECDH } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { command } from '../../support/plain/commands.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { PushService } from '../../support/services/push-service.ts';
import { WebhookReceiver } from '../../support/services/webhook-receiver.ts';
import { until } from '../../support/until.ts';

/** docs/waking.md: the command `push`, and what push services get. */
const redis = redisForTests();
const processes = processesForTests();
const vapid = createECDH('prime256v1');
vapid.setPrivateKey(Buffer.alloc(32, 7));
const publicKey = vapid.getPublicKey('base64url');
let service: PushService;
let receiver: WebhookReceiver;
let relay: RelayNode;
let without: RelayNode;
let alice: PlainUser;
let sender: PlainClient;

beforeAll(async () => {
  [service, receiver] = await Promise.all([PushService.start(), WebhookReceiver.start()]);
  [relay, without] = await Promise.all([
    processes.relay({
      ...receiver.settings,
      RELAY_REDIS_URL: redis.url,
      RELAY_PUSH_VAPID_KEY: vapid.getPrivateKey('base64url'),
      RELAY_PUSH_SUBJECT: 'mailto:operator@example.org',
      RELAY_PUSH_SERVICES: `fcm.googleapis.com,*.push.example,${service.host}`,
      RELAY_PUSH_PRIVATE: 'true',
    }),
    processes.relay(),
  ]);
  alice = await registerUser(relay.http);
  sender = await PlainClient.login(relay.ws, alice, { protocol: 2 });
});
beforeEach(() => {
  service.answer = () => 201;
});
afterAll(async () => {
  await Promise.all([service.close(), receiver.close()]);
});

/** Bob, away, with so many devices. */
async function bobWith(count: number) {
  const bob = await registerUser(relay.http);
  const socket = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  const devices = Array.from({ length: count }, () => service.subscribe());
  for (const { endpoint, p256dh, auth } of devices) {
    const answer = await command(socket, bob, 'push', { endpoint, p256dh, auth });
    expect(answer).toEqual({ result: { public_key: publicKey } });
  }
  const goes = async () => {
    await socket.close();
    await until(async () => (await redis.call('HGET', `user:{${bob.code}}`, 'token')) === '', {
      what: 'Bob to be away',
    });
  };
  return { bob, socket, goes, names: devices.map(({ device }) => device) };
}
const write = (to: PlainUser) =>
  sendStored(sender, { sender: alice, recipient: to.code, payload: 'a secret' });
const pushed = (device = '', times = 1) =>
  until(() => service.of(device).length === times, { what: `push ${times} to ${device}` });

it('a user who is away gets one push on each device, without content, and the webhook is called, too', async () => {
  const { bob, goes, names } = await bobWith(2);
  await goes();
  await write(bob);
  await write(bob);
  for (const name of names) await pushed(name);
  const [first] = service.of(names[0] ?? '');
  expect(first).toMatchObject({
    text: '{"type":"mailbox.waiting"}',
    vapid: publicKey,
    claims: { sub: 'mailto:operator@example.org' },
    headers: { topic: 'mailbox', urgency: 'high', ttl: '604800' },
  });
  await until(() => receiver.of(bob.code).length === 1, { what: 'the webhook' });
  expect(service.errors).toEqual([]);
  expect(names.map((name) => service.of(name).length)).toEqual([1, 1]);
  const socket = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  await socket.until(() => socket.envelopes.length === 2);
  socket.ack(socket.seqs().at(-1) ?? '');
  await socket.close();
  await write(bob);
  for (const name of names) await pushed(name, 2);
});

it('a subscription that its service does not know any more is dropped; one that was removed is not used', async () => {
  const { bob, socket, goes, names } = await bobWith(3);
  const [gone = '', removed = '', stays = ''] = names;
  await command(socket, bob, 'push', { endpoint: `http://${service.host}/to/${removed}`, remove: true });
  service.answer = (device) => (device === gone ? 410 : 201);
  await goes();
  await write(bob);
  await Promise.all([pushed(gone), pushed(stays)]);
  await until(async () => (await redis.call('HLEN', `push:{${bob.code}}`)) === 1, {
    what: 'it to be dropped',
  });
  expect(service.of(removed)).toEqual([]);
  expect(await relay.metric('keyrelay_pushes_total', 'outcome="gone"')).toBe(1);
});

it('a push service that fails is asked again, and other services do not wait for it', async () => {
  const { bob, goes, names } = await bobWith(1);
  const [name = ''] = names;
  service.answer = (device) => (device === name && service.of(name).length < 3 ? 503 : 201);
  await goes();
  await write(bob);
  await pushed(name, 3);
  expect(await relay.metric('keyrelay_pushes_total', 'outcome="failed"')).toBeGreaterThanOrEqual(2);
  await relay.untilMetric('keyrelay_push_paused_services', (count) => count === 0);
});

it('refuses, in words, endpoints elsewhere and what is not a subscription', async () => {
  const { bob, socket } = await bobWith(0);
  const { endpoint, p256dh, auth } = service.subscribe();
  const wrong: [object, string][] = [
    [{ endpoint: 'https://evil.example/x', p256dh, auth }, 'fcm.googleapis.com'],
    [{ endpoint: 'https://a.b.push.example/x', p256dh, auth }, 'endpoint must be https:'],
    [{ endpoint: 'https://user@fcm.googleapis.com/x', p256dh, auth }, 'endpoint must be https:'],
    [{ endpoint: 'ftp://fcm.googleapis.com/x', p256dh, auth }, 'endpoint must be https:'],
    [{ endpoint: `https://fcm.googleapis.com/${'x'.repeat(1_024)}`, p256dh, auth }, '1024 characters'],
    [{ endpoint: 'nowhere', p256dh, auth }, 'must be a URL'],
    [{ endpoint, p256dh: Buffer.alloc(65, 4).toString('base64url'), auth }, 'P-256'],
    [{ endpoint, p256dh, auth: 'short' }, '16 bytes'],
    [{ endpoint: 7 }, 'must be a URL'],
  ];
  for (const [payload, words] of wrong) {
    const { error } = await command(socket, bob, 'push', payload);
    expect(error, words).toMatchObject({ code: 'bad_command' });
    expect(error?.detail).toContain(words);
  }
  expect(await command(socket, bob, 'push', {})).toEqual({ result: { public_key: publicKey } });
  expect(await redis.call('EXISTS', `push:{${bob.code}}`)).toBe(0);
  const { endpoint: fcm } = { endpoint: 'https://fcm.googleapis.com/fcm/send/x' };
  expect(await command(socket, bob, 'push', { endpoint: fcm, p256dh, auth })).toMatchObject({ result: {} });
  await socket.close();
});

it('a relay without a key answers as one that does not know the command', async () => {
  const bob = await registerUser(without.http);
  const socket = await PlainClient.login(without.ws, bob, { protocol: 2 });
  expect((await command(socket, bob, 'push', {})).error).toMatchObject({ code: 'unknown_command' });
  await socket.close();
});
