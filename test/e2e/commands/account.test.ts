import { beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../support/plain/commands.ts';
import { envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, postUser, registerUser, registrationOf, signHex } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 4: commands about the account itself. */
const redis = redisForTests();
const processes = processesForTests();
let relays: readonly RelayNode[];

beforeAll(async () => {
  relays = await Promise.all([processes.relay(), processes.relay({ RELAY_REDIS_URL: redis.url })]);
});

describe.each([0, 1])('delete_account, %i', (index) => {
  it('is confirmed, closes the socket, and leaves nothing but that the code is gone', async () => {
    const relay = relays[index] as RelayNode;
    const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
    const [hers, his] = await Promise.all(
      [alice, bob].map((user) => PlainClient.login(relay.ws, user, { protocol: 2 })),
    );
    if (hers === undefined || his === undefined) throw new Error('not logged in');
    expect(await command(hers, alice, 'delete_account')).toEqual({});
    expect(await hers.untilClosed()).toEqual({ code: 4410, reason: 'the account was deleted' });
    expect((await fetch(`${relay.http}/users/${alice.code}`)).status).toBe(410);
    his.send(envelopeFrame(bob, { recipient: alice.code, id: 'late' }));
    expect(await his.nextError()).toMatchObject({ code: 'recipient_unknown', id: 'late' });
    await expect(PlainClient.login(relay.ws, alice, { protocol: 2 })).rejects.toThrow('bad_signature');
    const again = await registerUser(relay.http, { keys: alice });
    expect(again.code).not.toBe(alice.code);
    await PlainClient.login(relay.ws, again);
  });
});

describe('rotate', () => {
  it('takes another X25519 key with its proof, which others then look up', async () => {
    const relay = relays[1] as RelayNode;
    const alice = await registerUser(relay.http);
    const socket = await PlainClient.login(relay.ws, alice, { protocol: 2 });
    const { ecdhPublicKey } = makeKeys();
    const proof = signHex(alice, `relay-register:${ecdhPublicKey}:${alice.eddsaPublicKey}`);
    const payload = { ecdh_public_key: ecdhPublicKey.toUpperCase(), proof };
    expect(await command(socket, alice, 'rotate', payload)).toEqual({});
    const found = await (await fetch(`${relay.http}/users/${alice.code}`)).json();
    expect(found).toMatchObject({ ecdh_public_key: ecdhPublicKey, proof });
    expect((await postUser(relay.http, registrationOf({ ...alice, ecdhPublicKey }))).status).toBe(200);
    // Once more is as good as once.
    expect(await command(socket, alice, 'rotate', payload)).toEqual({});
  });

  it.each([
    [
      'another key',
      (ecdh: string) => signHex(makeKeys(), `relay-register:${ecdh}:`),
      /^rotate: proof is not a signature/,
    ],
    ['nothing', () => '', /^rotate: proof must be 128 hex digits/],
  ])('is refused with a proof by %s', async (_, sign, detail) => {
    const relay = relays[0] as RelayNode;
    const alice = await registerUser(relay.http);
    const socket = await PlainClient.login(relay.ws, alice, { protocol: 2 });
    const { ecdhPublicKey } = makeKeys();
    const payload = { ecdh_public_key: ecdhPublicKey, proof: sign(ecdhPublicKey) };
    expect((await command(socket, alice, 'rotate', payload)).error).toMatchObject({
      code: 'bad_command',
      detail: expect.stringMatching(detail),
    });
    const found = await (await fetch(`${relay.http}/users/${alice.code}`)).json();
    expect(found).toMatchObject({ ecdh_public_key: alice.ecdhPublicKey });
  });

  it('is refused for a key of small order', async () => {
    const relay = relays[0] as RelayNode;
    const alice = await registerUser(relay.http);
    const socket = await PlainClient.login(relay.ws, alice, { protocol: 2 });
    const payload = { ecdh_public_key: '0'.repeat(64), proof: '0'.repeat(128) };
    expect((await command(socket, alice, 'rotate', payload)).error).toMatchObject({
      code: 'bad_command',
      detail: expect.stringMatching(/^rotate: ecdh_public_key is of small order/),
    });
  });
});
