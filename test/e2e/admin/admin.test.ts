import { beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import {
  makeKeys,
  type PlainUser,
  postUser,
  registerUser,
  registrationOf,
} from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

/** What operators do over the admin port: they ask one node, and users of the other notice. */
const redis = redisForTests();
const processes = processesForTests();
let here: RelayNode;
let there: RelayNode;
const settings = () => ({ RELAY_REDIS_URL: redis.url, RELAY_ADMIN_TOKEN: ADMIN_TOKEN });

beforeAll(async () => {
  [here, there] = await Promise.all([processes.relay(settings()), processes.relay(settings())]);
});

const login = (user: PlainUser) => PlainClient.login(there.ws, user, { protocol: 2 });

describe('a user', () => {
  it('who is banned is closed on every node within a second, and neither logs in nor gets mail', async () => {
    const [alice, bob] = [await registerUser(here.http), await registerUser(here.http)];
    const [hers, his] = [await login(alice), await login(bob)];
    const startedMs = performance.now();
    expect(await admin(here, 'PUT', `/v1/users/${alice.code}/ban?reason=spam`, { for_s: 60 })).toMatchObject({
      status: 204,
    });
    expect(await hers.untilClosed()).toMatchObject({ code: 4403 });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await expect(login(alice)).rejects.toThrow('banned');
    his.send(envelopeFrame(bob, { recipient: alice.code, id: 'a' }));
    expect(await his.nextError()).toMatchObject({ code: 'recipient_unknown', id: 'a' });
    const { json } = await admin(there, 'GET', `/v1/users/${alice.code}`);
    expect(json).toMatchObject({ ban: { reason: 'spam', until: expect.any(String) }, node: null });
    await admin(there, 'DELETE', `/v1/users/${alice.code}/ban`);
    const again = await login(alice);
    await Promise.all([again.close(), his.close()]);
  });

  it('can be found by key, disconnected, and logs in again', async () => {
    const alice = await registerUser(here.http);
    const hers = await login(alice);
    expect(await admin(here, 'GET', `/v1/users?key=${alice.eddsaPublicKey}`)).toMatchObject({
      json: { items: [{ code: alice.code, node: there.id }], next: null },
    });
    expect(await admin(here, 'POST', `/v1/users/${alice.code}/disconnect`)).toMatchObject({ status: 204 });
    await hers.untilClosed();
    await (await login(alice)).close();
  });

  it('loses what waits by purge, and everything by delete', async () => {
    const [alice, bob] = [await registerUser(here.http), await registerUser(here.http)];
    const his = await login(bob);
    his.send(envelopeFrame(bob, { recipient: alice.code, id: 'a' }));
    await until(
      async () => {
        const { json } = await admin(here, 'GET', `/v1/users/${alice.code}`);
        return (json as { waiting: { envelopes: number } }).waiting.envelopes === 1;
      },
      { what: 'the envelope to be stored' },
    );
    expect(await admin(here, 'DELETE', `/v1/users/${alice.code}/mailbox`)).toMatchObject({
      json: { deleted: 1 },
    });
    expect(await admin(here, 'DELETE', `/v1/users/${alice.code}`)).toMatchObject({ status: 204 });
    expect(await admin(here, 'DELETE', `/v1/users/${alice.code}`)).toMatchObject({ status: 404 });
    expect(await admin(there, 'GET', `/v1/users/${alice.code}`)).toMatchObject({ status: 410 });
    await his.close();
  });

  it('is listed', async () => {
    const { code } = await registerUser(here.http);
    const codes: string[] = [];
    let after = '';
    do {
      const { json } = await admin(here, 'GET', `/v1/users${after}`);
      const { items, next } = json as { items: { code: string }[]; next: string | null };
      codes.push(...items.map((item) => item.code));
      after = next === null ? '' : `?after=${encodeURIComponent(next)}`;
    } while (after !== '');
    expect(codes).toContain(code);
  });
});

describe('limits', () => {
  it('change on all nodes while they run, are stronger than the environment, and go back', async () => {
    const set = (value: unknown) => admin(here, 'PUT', '/v1/limits/RELAY_REGISTRATION', { value } as object);
    const register = (more: object = {}) => postUser(there.http, registrationOf(makeKeys(), more));
    expect(await set('sometimes')).toMatchObject({ status: 400 });
    expect(await admin(here, 'PUT', '/v1/limits/RELAY_PORT', { value: 1 })).toMatchObject({ status: 404 });
    expect(await set('invite')).toMatchObject({ status: 204 });
    expect((await admin(here, 'GET', '/v1/limits')).json).toMatchObject({
      items: expect.arrayContaining([{ name: 'RELAY_REGISTRATION', value: 'invite', source: 'operator' }]),
    });
    await until(async () => (await register()).status === 401, { what: 'the other node to have it' });
    const created = await admin(here, 'POST', '/v1/invitations', { uses: 1, note: 'a friend' });
    const { token: invite, id } = created.json as { token: string; id: string };
    expect((await register({ invite })).status).toBe(201);
    expect((await register({ invite })).status).toBe(403);
    expect((await admin(there, 'GET', '/v1/invitations')).json).toMatchObject({
      items: [{ id, uses: 1, left: 0, note: 'a friend' }],
    });
    expect(JSON.stringify((await admin(there, 'GET', '/v1/invitations')).json)).not.toContain(invite);
    expect(await admin(there, 'DELETE', `/v1/invitations/${id}`)).toMatchObject({ status: 204 });
    const restarted = await processes.relay({ ...settings(), RELAY_REGISTRATION: 'open' });
    expect((await postUser(restarted.http, registrationOf(makeKeys()))).status).toBe(401);
    await restarted.stop();
    await set('closed');
    await until(async () => (await register()).status === 403, { what: 'the other node to have it' });
    const keys = makeKeys();
    expect(await admin(there, 'POST', '/v1/users', registrationOf(keys))).toMatchObject({ status: 201 });
    expect((await postUser(there.http, registrationOf(keys))).status).toBe(200);
    await admin(here, 'DELETE', '/v1/limits/RELAY_REGISTRATION');
    await until(async () => (await register()).status === 201, { what: 'the other node to have it' });
  });
});

it('a node drains on request, and the others stay', async () => {
  const leaving = await processes.relay({ ...settings(), RELAY_NODE_ID: 'leaving' });
  await until(
    async () => JSON.stringify((await admin(here, 'GET', '/v1/nodes')).json).includes('"leaving"'),
    {
      what: 'the node to be announced',
    },
  );
  expect(await admin(here, 'POST', '/v1/nodes/nobody/drain')).toMatchObject({ status: 404 });
  expect(await admin(here, 'POST', '/v1/nodes/leaving/drain?reason=kernel')).toMatchObject({ status: 202 });
  expect(await leaving.exited()).toBe('exit code 0');
  expect(here.ended).toBeNull();
});

it('each action leaves a line in the audit log, and none without proof', async () => {
  const { code } = await registerUser(here.http);
  await admin(here, 'POST', `/v1/users/${code}/disconnect?reason=because`);
  const refused = await fetch(`http://127.0.0.1:${here.adminPort}/v1/users/${code}`, { method: 'DELETE' });
  expect(refused.status).toBe(401);
  const { json } = await admin(there, 'GET', '/v1/audit');
  expect((json as { items: object[] }).items[0]).toMatchObject({
    operator: 'tester (127.0.0.1)',
    node: here.id,
    action: 'user disconnect',
    target: code,
    reason: 'because',
  });
  expect(here.output).toContain('"an operator acts"');
  expect(here.output).not.toContain(code);
  expect(here.output).not.toContain(ADMIN_TOKEN);
});

it.each([
  ['GET', '/v1/nothing', undefined, 404],
  ['PATCH', '/v1/users', undefined, 405],
  ['GET', '/v1/users?page=2', undefined, 400],
  ['GET', '/v1/users/short', undefined, 404],
  ['GET', '/v1/users/0000000', undefined, 404],
  ['POST', '/v1/invitations', { uses: 0 }, 400],
  ['POST', '/v1/invitations', { users: 1 }, 400],
  ['POST', '/v1/users', { ecdh_public_key: '00'.repeat(32), eddsa_public_key: '00'.repeat(32) }, 400],
  ['DELETE', '/v1/invitations/ffffffffffffffff', undefined, 404],
  ['DELETE', '/v1/dead-letters/0000000/1', undefined, 404],
] as const)('%s %s with %j is %i', async (method, path, body, status) => {
  expect((await admin(here, method, path, body)).status).toBe(status);
});
