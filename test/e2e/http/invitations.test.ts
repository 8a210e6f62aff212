import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createIdentity, Relay } from '../../../src/client/index.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { redisNode } from '../../engine/backends.ts';
import { problemOf } from '../../support/plain/problem.ts';
import { makeKeys, postUser, registrationOf } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 1: relays that do not let everybody in. */
const redis = redisForTests();
const processes = processesForTests();
let engine: Engine;
let relay: RelayNode;
let closed: RelayNode;

beforeAll(async () => {
  engine = redisNode({ urls: [redis.url] });
  const RELAY_REDIS_URL = redis.url;
  [relay, closed] = await Promise.all([
    processes.relay({ RELAY_REDIS_URL, RELAY_REGISTRATION: 'invite', RELAY_LOOKUPS_PER_MIN: '30' }),
    processes.relay({ RELAY_REDIS_URL, RELAY_REGISTRATION: 'closed' }),
    engine.start(),
  ]);
});

afterAll(() => engine.close());

async function invite(uses = 1): Promise<string> {
  const token = randomBytes(16).toString('base64url');
  const hash = createHash('sha256').update(token).digest('hex');
  await engine.invitations.create({ hash, uses, expiresInMs: null, note: '' });
  return token;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function refusal(answer: Promise<Response>): Promise<[number, string]> {
  const { status, type } = await problemOf(await answer);
  return [status, type];
}

describe('a relay that registers by invitation', () => {
  it('takes the token as Bearer or as invite, once for each use, and needs none for a known pair', async () => {
    const keys = makeKeys();
    const token = await invite(2);
    expect((await postUser(relay.http, registrationOf(keys), bearer(token))).status).toBe(201);
    expect((await postUser(relay.http, registrationOf(keys))).status).toBe(200);
    expect((await postUser(relay.http, registrationOf(keys), bearer('anything'))).status).toBe(200);
    expect((await postUser(relay.http, registrationOf(makeKeys(), { invite: token }))).status).toBe(201);
    expect(await refusal(postUser(relay.http, registrationOf(makeKeys(), { invite: token })))).toEqual([
      403,
      'urn:keyrelay:invitation-invalid',
    ]);
  });

  it('says what is missing, and gives one answer to every invalid token', async () => {
    const missing = await postUser(relay.http, registrationOf(makeKeys()));
    expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="keyrelay"');
    expect(await problemOf(missing)).toMatchObject({ status: 401, type: 'urn:keyrelay:invitation-required' });
    const used = await invite();
    await postUser(relay.http, registrationOf(makeKeys()), bearer(used));
    const revoked = await invite();
    await engine.invitations.revoke(createHash('sha256').update(revoked).digest('hex').slice(0, 16));
    const answers = await Promise.all(
      [used, revoked, 'unknown'].map(async (token) => {
        const response = await postUser(relay.http, registrationOf(makeKeys()), bearer(token));
        return { status: response.status, text: await response.text() };
      }),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(403);
  });

  it.each([
    ['a header of another scheme', { authorization: 'Basic YTpi' }, {}],
    ['a header without a token', { authorization: 'Bearer ' }, {}],
    ['an invite that is no text', {}, { invite: 7 }],
    ['an invite with spaces', {}, { invite: 'a b' }],
    ['an invite in capitals', {}, { INVITE: 'a' }],
  ])('refuses %s', async (_, headers, more) => {
    expect(await refusal(postUser(relay.http, registrationOf(makeKeys(), more), headers))).toEqual([
      400,
      'about:blank',
    ]);
  });

  it('has whom the SDK gives an invitation', async () => {
    const relayOf = (token?: string) =>
      Relay.connect(relay.http, createIdentity(), {
        WebSocket,
        ...(token === undefined ? {} : { invite: token }),
      });
    await expect(relayOf()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('invitation'),
    });
    const one = await relayOf(await invite());
    expect(one.code).toMatch(/^[0-9A-Z]{7}$/);
    await one.close();
  });

  it('counts a try as a look-up', async () => {
    let answer: Response;
    do answer = await postUser(relay.http, registrationOf(makeKeys()), bearer('guessed'));
    while (answer.status === 403);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${relay.http}/users/0000000`)).status).toBe(429);
  });
});

it('a closed relay registers no new user, and keeps those that it has', async () => {
  const keys = makeKeys();
  const token = await invite();
  expect(await refusal(postUser(closed.http, registrationOf(keys), bearer(token)))).toEqual([
    403,
    'urn:keyrelay:registration-closed',
  ]);
  await engine.register({ ...keys, name: null, proof: null });
  expect((await postUser(closed.http, registrationOf(keys))).status).toBe(200);
});
