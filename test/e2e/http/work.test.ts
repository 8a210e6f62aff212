import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createIdentity, Relay } from '../../../src/client/index.ts';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { CommandLine } from '../../support/clients/command-line.ts';
import { type Keys, makeKeys, postUser, registrationOf } from '../../support/plain/users.ts';
import { type Challenge, workFor } from '../../support/plain/work.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 1: registrations that cost work. */
const redis = redisForTests();
const processes = processesForTests();
let relays: readonly RelayNode[];

beforeAll(async () => {
  const alone = { RELAY_REGISTRATION_WORK_BITS: '12', RELAY_ADMIN_TOKEN: ADMIN_TOKEN };
  const shared = { ...alone, RELAY_REDIS_URL: redis.url };
  relays = await Promise.all([processes.relay(alone), processes.relay(shared), processes.relay(shared)]);
});

const post = (relay: RelayNode | undefined, keys: Keys, more: object = {}) =>
  postUser(relay?.http ?? '', registrationOf(keys, more));

async function challenged(answering: Promise<Response>): Promise<Challenge> {
  const response = await answering;
  const { type, status, challenge, bits } = (await response.json()) as Challenge & Record<string, unknown>;
  expect([response.status, status, type]).toEqual([428, 428, 'urn:keyrelay:work-required']);
  return { challenge, bits };
}

describe.each([
  ['in memory', 0, 0],
  ['over two nodes on Redis', 1, 2],
])('a registration that costs work, %s', (_, here, there) => {
  it('is refused with a challenge, which any node takes back; the same pair again is free', async () => {
    const keys = makeKeys();
    const asked = await challenged(post(relays[here], keys));
    expect(asked.bits).toBe(12);
    const work = workFor(asked);
    expect((await post(relays[there], keys, { work })).status).toBe(201);
    expect((await post(relays[here], keys)).status).toBe(200);
  });

  it('takes no work of other keys, none that is too little, and none for fewer bits', async () => {
    const keys = makeKeys();
    const asked = await challenged(post(relays[here], keys));
    const others = await challenged(post(relays[here], makeKeys()));
    const fewer = { challenge: asked.challenge.replace('12.', '1.'), bits: 1 };
    for (const work of [workFor(others), workFor(asked, false), workFor(fewer)]) {
      await challenged(post(relays[there], keys, { work }));
    }
    expect((await post(relays[here], keys, { work: 'x' })).status).toBe(400);
  });
});

it('the SDK and the command line work by themselves; whom an operator registers need not', async () => {
  const relay = relays[0] as RelayNode;
  const alice = await Relay.connect(relay.http, createIdentity(), { WebSocket });
  expect(alice.code).toMatch(/^[0-9A-Z]{7}$/);
  await alice.close();
  const people = new CommandLine(() => relay.http);
  expect(await people.codeOf('bob')).toMatch(/^[0-9A-Z]{7}$/);
  await people.close();
  const keys = makeKeys();
  const body = registrationOf(keys);
  expect((await admin(relay, 'POST', '/v1/users', body)).status).toBe(201);
  expect((await relay.metrics()).get('keyrelay_registration_difficulty')).toBe(12);
});
