import { beforeAll, expect, test } from 'vitest';
import { connectText, envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { postUser, registrationOf } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { loadOldMailboxes } from '../../support/redis/old-mailboxes.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/**
 * Users and mail that nodes of an older version left in Redis, as recorded there (`DRILL_OLD=… DRILL_RECORD=1 npm run
 * drill -- upgrade`), are those of this version.
 */

const redis = redisForTests();
const processes = processesForTests();
let relay: RelayNode;
let old: Awaited<ReturnType<typeof loadOldMailboxes>>;

beforeAll(async () => {
  old = await loadOldMailboxes(redis);
  // Small, so that what counts and shares a mailbox has to do with what waits already.
  relay = await processes.relay({ RELAY_REDIS_URL: redis.url, RELAY_MAILBOX_ENVELOPES: '8' });
});

/** As protocol 2 delivers it. */
const withSeq = (frame: string, seq: string) => `${frame.slice(0, -1)},"seq":"${seq}"}`;

test('an id that the old version stored is accepted again, and not stored twice', async () => {
  const { alice } = old.users;
  const client = await PlainClient.login(relay.ws, alice);
  client.send(old.waiting.bob.at(-1) ?? '');
  await client.until(() => client.accepted().length === 1);
  expect(client.accepted()).toEqual(['old-5']);
  await client.close();
});

test('new mail follows the old; all of it is delivered byte for byte, and confirmed', async () => {
  const { alice, bob } = old.users;
  const writer = await PlainClient.login(relay.ws, alice);
  const added = envelopeFrame(alice, { recipient: bob.code, id: 'new-0' });
  writer.send(added);
  await writer.until(() => writer.accepted().length === 1);
  await writer.close();

  const reader = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  const frames = await reader.untilEnvelopes(5);
  const seqs = reader.seqs();
  expect(frames).toEqual(
    [...old.waiting.bob, added].map((frame, index) => withSeq(frame, seqs[index] ?? '')),
  );
  reader.ack(seqs[1] ?? '');
  await reader.close();
  const again = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  expect((await again.untilEnvelopes(3)).length).toBe(3);
  again.ack(again.seqs()[2] ?? '');
  await again.close();
  expect(await redis.call('EXISTS', `inbox:{${bob.code}}`)).toBe(0);
});

test('an account that used protocol 2 with the old version is refused protocol 1', async () => {
  const { bob } = old.users;
  const client = await PlainClient.open(relay.ws);
  client.sendData(bob, connectText(bob.code));
  expect((await client.nextError()).code).toBe('protocol_required');
});

test('mail of a user who never logged in, found by keys', async () => {
  const { carol } = old.users;
  const same = await postUser(relay.http, registrationOf(carol));
  expect(same.status).toBe(200);
  expect(await same.json()).toMatchObject({ id: carol.id, code: carol.code });
  const client = await PlainClient.login(relay.ws, carol);
  expect(await client.untilEnvelopes(3)).toEqual(old.waiting.carol);
});
