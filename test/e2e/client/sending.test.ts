import { describe, expect, test } from 'vitest';
import type { Conversation } from '../../../src/client/index.ts';
import { approached, type Person, peopleForTests, take } from '../../support/clients/sdk.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const people = peopleForTests();
const relay = relayForTests();

test('send promises the id, and that the message is stored, delivered and read', async () => {
  const { toBob, toAlice } = await people.acquainted(relay.http);
  const sending = toBob.send('Hello');
  await sending.stored;
  const [message] = await take(toAlice, 1);
  expect(message?.id).toBe(await sending);
  await sending.delivered;
  let read = false;
  void sending.read.then(() => {
    read = true;
  });
  const second = toBob.send('second');
  await take(toAlice, 1);
  await second.delivered;
  expect(read).toBe(false);
  await message?.markRead();
  await sending.read;
});

test('what cannot be sent rejects once, in words, and nothing else of it is left over', async () => {
  const { toBob, toAlice } = await people.acquainted(relay.http);
  const sending = toBob.send(new Uint8Array(4) as never);
  await expect(sending).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(sending.read).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(toBob.send('x'.repeat(toBob.maxBodyBytes))).rejects.toMatchObject({
    code: 'too_large',
    message: expect.stringContaining(`${toBob.maxBodyBytes}`),
  });
  await toBob.send('x'.repeat(toBob.maxBodyBytes - 2));
  expect((await take(toAlice, 1)).map(({ body }) => String(body).length)).toEqual([toBob.maxBodyBytes - 2]);
});

test('a relay that is closed first ends the promises, not the message', async () => {
  const { alice, bob, toBob } = await people.acquainted(relay.http);
  await bob.relay.close();
  const sending = toBob.send('for later');
  await sending.stored;
  await alice.relay.close();
  await expect(sending.read).rejects.toMatchObject({ code: 'closed' });
  const { conversation } = await people.back(relay.http, bob);
  expect((await take(conversation, 1)).map(({ body }) => body)).toEqual(['for later']);
});

test('name, answered message and lifetime come along, and other values of theirs do not', async () => {
  const { toBob, toAlice } = await people.acquainted(relay.http);
  const first = await toBob.send('What is it?', { name: 'Alice', expiresS: 3600 });
  await toBob.send('nothing', { name: '', expiresS: -1 });
  const [question, plain] = await take(toAlice, 2);
  expect(question).toMatchObject({ id: first, body: 'What is it?', name: 'Alice', expiresS: 3600 });
  expect(plain?.name).toBeUndefined();
  expect(plain?.expiresS).toBeUndefined();
  await toAlice.send('That.', { replyTo: first });
  expect((await take(toBob, 1))[0]).toMatchObject({ body: 'That.', replyTo: first });
});

test('a program that stores what it gets may take it in batches: all of it, in order, once', async () => {
  const { bob, toBob, toAlice } = await people.acquainted(relay.http);
  for (let number = 0; number < 50; number++) await toBob.send(number);
  await toBob.send('last').stored;
  const got: unknown[] = [];
  for await (const batch of toAlice.batches()) {
    got.push(...batch.map(({ body }) => body));
    if (got.at(-1) === 'last') break;
  }
  expect(got).toEqual([...Array.from({ length: 50 }, (_, number) => number), 'last']);
  await bob.relay.close();
  const { conversation } = await people.back(relay.http, bob);
  await toBob.send('after');
  expect((await take(conversation, 1)).map(({ body }) => body)).toEqual(['after']);
});

test('a conversation with a sender who has written is there after a restart, before any event', async () => {
  const alice = await people.join(relay.http);
  const bob = await people.join(relay.http);
  const coming = approached(bob);
  await (await alice.relay.startConversation(bob.code)).send('Hello');
  await take(await coming, 1);
  await bob.relay.close();
  const again = await people.join(relay.http, { identity: bob.identity, storage: bob.storage });
  expect(again.relay.conversations.map(({ code }) => code)).toEqual([alice.code]);
});

describe('a program that is started again, with the storage that it kept', () => {
  /** Alice has written to Bob, who was then away while she wrote again. */
  async function writtenTo(): Promise<{ bob: Person; back: () => Promise<Person> }> {
    const [alice, bob] = [await people.join(relay.http), await people.join(relay.http)];
    const coming = approached(bob);
    const toBob = await alice.relay.startConversation(bob.code);
    await toBob.send('before');
    await take(await coming, 1);
    await bob.relay.close();
    await toBob.send('while you were away').stored;
    return { bob, back: () => people.join(relay.http, { identity: bob.identity, storage: bob.storage }) };
  }

  test('hears of a conversation that it had before when the other writes in it and nothing listens', async () => {
    const { back } = await writtenTo();
    const bob = await back();
    const heard: unknown[] = [];
    const listen = async (conversation: Conversation) => {
      for await (const { body } of conversation) heard.push(body);
    };
    bob.relay.on('conversation', ({ conversation }) => void listen(conversation));
    await until(() => heard.length > 0, { what: 'what was written meanwhile' });
    expect(heard).toEqual(['while you were away']);
  });

  test('hears of it once, by the list or by the event', async () => {
    const { back } = await writtenTo();
    const bob = await back();
    const told: unknown[] = [];
    bob.relay.on('conversation', ({ conversation }) => told.push(conversation));
    const [conversation] = bob.relay.conversations;
    if (conversation === undefined) throw new Error('no conversation');
    expect((await take(conversation, 1)).map(({ body }) => body)).toEqual(['while you were away']);
    expect(told).toEqual([]);
  });

  test('takes the messages of all conversations in one loop: old, waiting and new ones, each until it was handled', async () => {
    const { bob, back } = await writtenTo();
    const first = await back();
    for await (const { message } of first.relay.messages()) {
      expect(message.body).toBe('while you were away');
      break;
    }
    await first.relay.close();

    const again = await back();
    const carol = await people.join(relay.http);
    const dave = await people.join(relay.http);
    for (const [person, body] of [
      [carol, 'one'],
      [dave, 'two'],
    ] as const)
      await (await person.relay.startConversation(bob.code)).send(body).stored;
    const heard: unknown[] = [];
    for await (const { conversation, message } of again.relay.messages()) {
      heard.push([conversation.code, message.body]);
      await conversation.send(`echo ${String(message.body)}`);
      if (heard.length === 2) break;
    }
    expect(heard.sort()).toEqual(
      [
        [carol.code, 'one'],
        [dave.code, 'two'],
      ].sort(),
    );
  });

  test('ends such a loop by its signal, or when it closes; a message that nothing took is not confirmed', async () => {
    const [alice, bob] = [await people.join(relay.http), await people.join(relay.http)];
    const sending = (await alice.relay.startConversation(bob.code)).send('untaken');
    await sending.stored;
    let delivered = false;
    sending.delivered.then(
      () => {
        delivered = true;
      },
      () => {},
    );
    await until(() => bob.relay.conversations.length > 0, { what: 'the message' });
    const abort = new AbortController();
    abort.abort();
    for await (const _ of bob.relay.messages({ signal: abort.signal })) throw new Error('it was to end');
    await bob.relay.flush();
    await alice.relay.flush();
    expect(delivered).toBe(false);
    const loop = bob.relay.messages();
    expect((await loop.next()).value?.message.body).toBe('untaken');
    const next = loop.next();
    await sending.delivered;
    await bob.relay.close();
    expect((await next).done).toBe(true);
  });

  test("does not take another identity's storage for its own", async () => {
    const [alice, bob] = [await people.join(relay.http), await people.join(relay.http)];
    await alice.relay.close();
    const mixed = people.join(relay.http, { identity: bob.identity, storage: alice.storage });
    await expect(mixed).rejects.toMatchObject({ code: 'wrong_storage' });
    await expect(mixed).rejects.toThrow(alice.code);
  });
});

describe('the registered key', () => {
  test('is replaced by a signed command: first messages to the old and to the new one open, with the storage kept', async () => {
    const [bob, early, late] = [
      await people.join(relay.http),
      await people.join(relay.http),
      await people.join(relay.http),
    ];
    // Has looked Bob up before, and so writes to the old key.
    const toBob = await early.relay.startConversation(bob.code);
    const identity = await bob.relay.rotateKey();
    expect(identity.eddsaPublicKey).toBe(bob.identity.eddsaPublicKey);
    const known = await late.relay.lookup(bob.code);
    expect(known).toMatchObject({ ecdhPublicKey: identity.ecdhPublicKey, proven: true });
    await bob.relay.close();

    await toBob.send('to the old key').stored;
    await (await late.relay.startConversation(bob.code)).send('to the new key').stored;
    // Only the senders of the two messages are asked for anything: they are inside the requests.
    await early.relay.close();
    await late.relay.close();
    const back = await people.join(relay.http, { identity, storage: bob.storage });
    const heard: unknown[] = [];
    for await (const { message } of back.relay.messages()) if (heard.push(message.body) === 2) break;
    expect(heard.sort()).toEqual(['to the new key', 'to the old key']);
  });

  test('cannot be replaced by protocol 1', async () => {
    const alice = await people.join(relay.http, { protocol: 1 });
    await expect(alice.relay.rotateKey()).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
