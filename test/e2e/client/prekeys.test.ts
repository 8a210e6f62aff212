import { expect, test } from 'vitest';
import { memoryStorage } from '../../../src/client/index.ts';
import { approached, type Person, peopleForTests, take } from '../../support/clients/sdk.ts';
import { Visit } from '../../support/clients/visits.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** First messages to keys that the recipient has published (docs/protocol.md 6.7). */
const people = peopleForTests();
const relay = relayForTests();

interface First {
  readonly key: string;
  readonly generation?: number;
  readonly prekey?: string;
  readonly kem_ciphertext?: string;
}

/** Comes, publishes a batch, and leaves. */
async function publishes(): Promise<Person> {
  const visit = new Visit();
  const person = await people.join(relay.http, { WebSocket: visit.WebSocket });
  await visit.done(0, 1);
  await person.relay.close();
  return person;
}

/** A new sender writes one word; resolves with the request that it travelled in. */
async function writes(recipient: string): Promise<{ readonly sender: Person; readonly first: First }> {
  const visit = new Visit();
  const sender = await people.join(relay.http, { WebSocket: visit.WebSocket });
  let first: First | undefined;
  sender.relay.on('frame', ({ direction, text }) => {
    const payload = direction === 'sent' ? JSON.parse(text).data?.message.payload : undefined;
    first ??= payload?.first;
  });
  await (await sender.relay.startConversation(recipient)).send('first word');
  await visit.done(1);
  if (first === undefined) throw new Error('there is no message in the request');
  return { sender, first };
}

/** The stored pair of a prekey. Its public half also stands in the request, which is kept to be reported. */
const pairOf = (publicKey = '') => new RegExp(`publicKey\\W+${publicKey}\\W+secretKey`);

test('each goes to a key of its own and to ML-KEM, opens at the first visit, and that key is erased', async () => {
  const bob = await publishes();
  const [one, other] = [await writes(bob.code), await writes(bob.code)];
  for (const { first } of [one, other]) {
    expect(first).toMatchObject({ key: bob.identity.ecdhPublicKey, generation: 1 });
    expect(first.kem_ciphertext).toHaveLength(1_452);
    expect(first.prekey).toMatch(/^[0-9a-f]{64}$/);
    expect(await stored(bob)).toMatch(pairOf(first.prekey));
  }
  expect(one.first.prekey).not.toBe(other.first.prekey);
  const again = await people.join(relay.http, bob);
  const words: unknown[] = [];
  for await (const { message } of again.relay.messages()) {
    words.push(message.body);
    if (words.length === 2) break;
  }
  expect(words).toEqual(['first word', 'first word']);
  for (const { first } of [one, other]) expect(await stored(bob)).not.toMatch(pairOf(first.prekey));
});

test('one whose key was lost with the storage arrives all the same, under new keys', async () => {
  const bob = await publishes();
  const { sender, first } = await writes(bob.code);
  expect(first.generation).toBe(1);
  const forgetful = await people.join(relay.http, { identity: bob.identity, storage: memoryStorage() });
  const [message] = await take(await approached(forgetful), 1);
  expect(message?.body).toBe('first word');
  expect(sender.relay.conversations).toHaveLength(1);
});

test('without a batch it goes to the registered key alone', async () => {
  // A client of the plain flow publishes none.
  const bob = await people.join(relay.http, { registeredKeys: true });
  await bob.relay.close();
  const { first } = await writes(bob.code);
  expect(first).toEqual({ key: bob.identity.ecdhPublicKey, ciphertext: expect.any(String) });
});

longTest(
  'a batch is published anew when it runs low, with a higher generation, and not otherwise',
  async () => {
    const bob = await publishes();
    const visit = new Visit();
    const again = await people.join(relay.http, { ...bob, WebSocket: visit.WebSocket });
    await visit.done(0);
    expect(visit.commands).toBe(0);
    await again.relay.close();
    for (let number = 0; number < 13; number += 1) await writes(bob.code);
    const refills = new Visit();
    await people.join(relay.http, { ...bob, WebSocket: refills.WebSocket });
    await refills.done(0, 1);
    expect((await writes(bob.code)).first.generation).toBe(2);
  },
  60_000,
);

async function stored(person: Person): Promise<string> {
  return JSON.stringify([...(await person.storage.load())]);
}
