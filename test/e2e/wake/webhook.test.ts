import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { WebhookReceiver } from '../../support/services/webhook-receiver.ts';
import { until } from '../../support/until.ts';

/** docs/waking.md: RELAY_WAKE_URL. */
const redis = redisForTests();
const processes = processesForTests();
let receiver: WebhookReceiver;
let inMemory: RelayNode;
let inRedis: readonly RelayNode[];

beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  const settings = { ...receiver.settings, RELAY_REDIS_URL: redis.url };
  const [memory, ...nodes] = await Promise.all([
    processes.relay(receiver.settings),
    processes.relay(settings),
    processes.relay(settings),
  ]);
  [inMemory, inRedis] = [memory, nodes];
});
beforeEach(() => {
  receiver.answer = () => ({ status: 204 });
});
afterAll(() => receiver.close());

interface People {
  readonly alice: PlainUser;
  readonly bob: PlainUser;
  readonly sender: PlainClient;
}

async function people(relay: RelayNode): Promise<People> {
  const [alice, bob] = await Promise.all([registerUser(relay.http), registerUser(relay.http)]);
  return { alice, bob, sender: await PlainClient.login(relay.ws, alice, { protocol: 2 }) };
}
const say = ({ alice, bob, sender }: People, payload = 'a secret') =>
  sendStored(sender, { sender: alice, recipient: bob.code, payload });
/** Longer than it takes from storing to posting. */
const SOON_MS = 3_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const announced = (code: string, times: number) =>
  until(() => receiver.of(code).length === times, { what: `message ${times} about ${code}` });

for (const [name, nodeOf] of [
  ['in memory', () => inMemory],
  ['in Redis', () => inRedis[0] as RelayNode],
] as const) {
  describe(`a user who is away, ${name}`, () => {
    it('is announced once by a signed message without content; and again after the next login', async () => {
      const all = await people(nodeOf());
      const { bob } = all;
      const beforeMs = Date.now();
      await say(all);
      await say(all);
      await announced(bob.code, 1);
      const [user] = receiver.of(bob.code);
      expect(user).toMatchObject({ code: bob.code, waiting: 2 });
      expect(Math.abs(Date.parse(user?.since ?? '') - beforeMs)).toBeLessThan(5_000);
      const message = receiver.received.find(({ body }) =>
        body.data.users.some(({ code }) => code === bob.code),
      );
      expect(message?.body.type).toBe('mailbox.waiting');
      expect(JSON.stringify(message?.body)).not.toContain('secret');
      expect(message?.headers['content-type']).toBe('application/json');
      await say(all);
      await pause(SOON_MS);
      expect(receiver.of(bob.code)).toHaveLength(1);
      const socket = await PlainClient.login(nodeOf().ws, bob);
      await socket.until(() => socket.envelopes.length === 3);
      await pause(500);
      socket.ws.close();
      await pause(500);
      await say(all);
      await announced(bob.code, 2);
      const [first, second] = receiver.of(bob.code);
      expect(second?.waiting).toBe(1);
      expect(second?.id).not.toBe(first?.id);
      expect(receiver.errors).toEqual([]);
    });

    it('is not announced while connected', async () => {
      const all = await people(nodeOf());
      const socket = await PlainClient.login(nodeOf().ws, all.bob);
      await say(all);
      await socket.until(() => socket.envelopes.length === 1);
      await pause(SOON_MS);
      expect(receiver.of(all.bob.code)).toEqual([]);
    });

    it('is announced again, by the same id, until the receiver takes it', async () => {
      const all = await people(nodeOf());
      const { code } = all.bob;
      let failures = 0;
      receiver.answer = ({ body }) => {
        if (!body.data.users.some((user) => user.code === code) || failures === 2) return { status: 200 };
        failures += 1;
        return { status: 503, headers: { 'Retry-After': '1' } };
      };
      await say(all);
      await announced(code, 3);
      await pause(SOON_MS);
      const those = receiver.of(code);
      expect(those).toHaveLength(3);
      expect(new Set(those.map(({ id }) => id)).size).toBe(1);
      const messages = receiver.received.filter(({ body }) =>
        body.data.users.some((user) => user.code === code),
      );
      expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
      const failed = async (node: RelayNode) => node.metric('keyrelay_wakes_total', 'outcome="failed"');
      const counts = await Promise.all([inMemory, ...inRedis].map(failed));
      expect(counts.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(2);
    });
  });
}

describe('messages', () => {
  it('carry many users at once', async () => {
    const [node] = inRedis as [RelayNode];
    const all = await people(node);
    const users = await Promise.all(Array.from({ length: 20 }, () => registerUser(node.http)));
    await Promise.all(users.map((bob) => say({ ...all, bob })));
    await until(() => users.every(({ code }) => receiver.of(code).length === 1), { what: 'all users' });
    const sizes = receiver.received.map(({ body }) => body.data.users.length);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
  });

  it('do not follow a redirection', async () => {
    const [node] = inRedis as [RelayNode];
    let visits = 0;
    const elsewhere = createServer((_, response) => {
      visits += 1;
      response.end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    const all = await people(node);
    let redirected = 0;
    receiver.answer = () => {
      redirected += 1;
      return redirected > 1
        ? { status: 200 }
        : { status: 307, headers: { Location: `http://127.0.0.1:${port}/` } };
    };
    await say(all);
    await announced(all.bob.code, 2);
    expect(visits).toBe(0);
    elsewhere.close();
  });
});
