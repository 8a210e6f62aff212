import { createECDH } from 'node:crypto';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { Browsers } from '../support/browsers/chromium.ts';
import { sendStored } from '../support/clients/scene.ts';
import { longTest } from '../support/long.ts';
import { PlainClient } from '../support/plain/plain-client.ts';
import { registerUser } from '../support/plain/users.ts';
import { Processes } from '../support/servers/processes.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { PushService } from '../support/services/push-service.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const processes = new Processes();
const browsers = new Browsers();
const vapid = createECDH('prime256v1');
vapid.setPrivateKey(Buffer.alloc(32, 9));
let service: PushService;
let relay: RelayNode;

beforeAll(async () => {
  service = await PushService.start();
  relay = await processes.relay({
    RELAY_PUSH_VAPID_KEY: vapid.getPrivateKey('base64url'),
    RELAY_PUSH_SUBJECT: 'mailto:operator@example.org',
    RELAY_PUSH_SERVICES: service.host,
    RELAY_PUSH_PRIVATE: 'true',
  });
});
afterAll(async () => {
  await browsers.stop();
  await processes.stop();
  await service.close();
});

/** The browser's own push service is on the internet: the page gets a subscription of ours in its place. */
const subscribing = (subscription: object) => `
  PushManager.prototype.getSubscription = async () => null;
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    const { endpoint, p256dh, auth } = ${JSON.stringify(subscription)};
    return { endpoint, options: { applicationServerKey }, toJSON: () => ({ endpoint, keys: { p256dh, auth } }) };
  };`;

longTest('a page that is closed hears of a message: the service worker shows that one waits', async () => {
  const bob = await browsers.visit(relay.http);
  const { page, context } = bob;
  const code = await bob.code();
  await context.grantPermissions(['notifications'], { origin: relay.http });
  const subscription = service.subscribe();
  await page.evaluate(subscribing(subscription));
  const session = await context.newCDPSession(page);
  const activated = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      const active = versions.find(({ status }) => status === 'activated');
      if (active !== undefined) resolve(active.registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  const registrationId = await activated;
  await page.click('#settings-open');
  await page.check('#notify');
  const registered = async () => (await relay.metric('keyrelay_commands_total', 'command="push"')) >= 2;
  await until(registered, { what: 'the page to register its subscription' });

  await page.goto('about:blank');
  const alice = await registerUser(relay.http);
  const sender = await PlainClient.login(relay.ws, alice, { protocol: 2 });
  await sendStored(sender, { sender: alice, recipient: code, payload: 'a secret' });
  await until(() => service.of(subscription.device).length === 1, { what: 'the push service to get it' });
  const [pushed] = service.of(subscription.device);
  expect(pushed?.vapid).toBe(vapid.getPublicKey('base64url'));
  await session.send('ServiceWorker.deliverPushMessage', {
    origin: relay.http,
    registrationId,
    data: pushed?.text ?? '',
  });
  await page.goto(relay.http);
  const shown = () =>
    page.evaluate<string[]>(`navigator.serviceWorker.getRegistration('/')
      .then((registration) => registration.getNotifications())
      .then((notifications) => notifications.map(({ body, tag }) => tag + ': ' + body))`);
  await expect.poll(shown, { timeout: 30_000 }).toEqual(['mailbox: A message waits']);
  expect(bob.complaints).toEqual([]);
  await sender.close();
});
