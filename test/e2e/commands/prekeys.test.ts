import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../support/plain/commands.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser, signHex } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 4: `prekeys` and `prekey_claim`. */
const relay = relayForTests({ RELAY_LOOKUPS_PER_MIN: '20' });
let bob: PlainUser;
let his: PlainClient;

beforeAll(async () => {
  bob = await registerUser(relay.http);
  his = await PlainClient.login(relay.ws, bob, { protocol: 2 });
});

const login = async () => {
  const user = await registerUser(relay.http);
  return { user, socket: await PlainClient.login(relay.ws, user, { protocol: 2 }) };
};

/** What the last login was told of its own batch. */
const stateOf = (socket: PlainClient) =>
  socket.messages.find(({ type }) => type === 'connect_ack')?.payload.prekeys as {
    generation: number;
    left: number;
    store: string;
  };

function batchOf(user: PlainUser, generation: number, changes: object = {}) {
  const keys = Array.from({ length: 3 }, () => makeKeys().ecdhPublicKey);
  const unsigned = { generation, keys, kem_public_key: randomBytes(1_184).toString('base64'), ...changes };
  const text = `relay-prekeys:${user.code}:${unsigned.generation}:${unsigned.kem_public_key}:${unsigned.keys.join(',')}`;
  return { ...unsigned, signature: signHex(user, text), store: stateOf(his).store };
}

it('a batch that is signed is handed on as it is, a key of it to each claim', async () => {
  expect(stateOf(his)).toEqual({ generation: 0, left: 0, store: expect.stringMatching(/^.+$/) });
  const { user, socket } = await login();
  expect(await command(socket, user, 'prekey_claim', { code: bob.code })).toEqual({ result: {} });
  const batch = batchOf(bob, 1);
  expect(await command(his, bob, 'prekeys', batch)).toEqual({});
  const { store: _, ...signed } = batch;
  expect(await command(socket, user, 'prekey_claim', { code: bob.code })).toEqual({
    result: { ...signed, index: 0 },
  });
  expect(await command(socket, user, 'prekey_claim', { code: bob.code })).toEqual({
    result: { ...signed, index: null },
  });
  await his.close();
  his = await PlainClient.login(relay.ws, bob, { protocol: 2 });
  expect(stateOf(his)).toMatchObject({ generation: 1, left: 2 });
});

describe('a batch is refused', () => {
  it.each([
    ['without a generation', { generation: 0 }, /^prekeys: generation must be an integer from 1/],
    ['without keys', { keys: [] }, /^prekeys: keys must be a list of 1 to 20/],
    ['with a key of small order', { keys: ['00'.repeat(32)] }, /^prekeys: keys\[0\] is of small order/],
    [
      'with one key twice',
      { keys: [makeKeys()].flatMap(({ ecdhPublicKey: key }) => [key, key]) },
      /all be different/,
    ],
    [
      'with a short ML-KEM key',
      { kem_public_key: 'AAAA' },
      /^prekeys: kem_public_key must be the canonical base64/,
    ],
    ['of an older generation', { generation: 1 }, /^prekeys: generation must be higher/],
  ])('%s', async (_, changes, detail) => {
    const { user, socket } = await login();
    await command(socket, user, 'prekeys', batchOf(user, 5));
    const { error } = await command(socket, user, 'prekeys', batchOf(user, 6, changes));
    expect(error).toMatchObject({ code: 'bad_command', detail: expect.stringMatching(detail) });
  });

  it('signed for another code, by another key, or for another store', async () => {
    const mallory = await login();
    const detail = expect.stringMatching(/^prekeys: signature is not one of relay-prekeys/);
    const theirs = await command(mallory.socket, mallory.user, 'prekeys', batchOf(bob, 9));
    expect(theirs.error).toMatchObject({ code: 'bad_command', detail });
    const elsewhere = await command(his, bob, 'prekeys', { ...batchOf(bob, 9), store: 'another' });
    expect(elsewhere.error?.detail).toMatch(/^prekeys: store is not that of prekeys in connect_ack/);
  });
});

it('trying codes by claims costs what looking them up costs', async () => {
  const { user, socket } = await login();
  let refused = 0;
  for (let number = 10; refused === 0 && number < 60; number += 1) {
    const { error } = await command(socket, user, 'prekey_claim', { code: `ZZZZZ${number}` });
    if (error?.code === 'rate_limited') refused = number;
    else expect(error?.code).toBe('recipient_unknown');
  }
  expect(refused).toBeGreaterThan(10);
});
