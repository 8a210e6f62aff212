import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Conversation,
  type ConversationEvents,
  createIdentity,
  fileStorage,
  Relay,
} from '../../../src/client/index.ts';
import { approached, peopleForTests, take } from '../../support/clients/sdk.ts';
import { folderForTests } from '../../support/folder.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const folder = folderForTests();
const people = peopleForTests();
const relay = relayForTests();

function bodies(messages: readonly { body: unknown }[]): unknown[] {
  return messages.map(({ body }) => body);
}

/** Collects the ids that an event names. */
function idsOf(conversation: Conversation, name: 'stored' | 'delivered' | 'read' | 'failed'): string[] {
  const ids: string[] = [];
  conversation.on(name, ({ id }: ConversationEvents[typeof name]) => ids.push(id));
  return ids;
}

describe('a conversation', () => {
  test('goes both ways, and the relay sees no word of it', async () => {
    const { alice, toBob, toAlice } = await people.acquainted(relay.http);
    const frames: string[] = [];
    alice.relay.on('frame', ({ text }) => frames.push(text));
    await toBob.send('Hello Bob');
    expect(bodies(await take(toAlice, 1))).toEqual(['Hello Bob']);
    await toAlice.send({ text: 'Hello Alice', mood: ['fine', 1] });
    expect(bodies(await take(toBob, 1))).toEqual([{ text: 'Hello Alice', mood: ['fine', 1] }]);
    expect(frames.join('\n')).toContain('"ciphertext"');
    expect(frames.join('\n')).not.toContain('Hello');
  });

  test('appears once, in the list or as an event, however long the look-up of its key takes', async () => {
    const alice = await people.join(relay.http);
    let asked = false;
    let answer = () => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const bob = await people.join(relay.http, {
      fetch: async (input, init) => {
        if (input.endsWith(alice.code)) {
          asked = true;
          await gate;
        }
        return fetch(input, init);
      },
    });
    const coming = approached(bob);
    await (await alice.relay.startConversation(bob.code)).secure();
    await until(() => asked, { what: 'the question for the key of Alice' });
    expect(bob.relay.conversations).toEqual([]);
    answer();
    const toAlice = await coming;
    expect(bob.relay.conversations).toEqual([toAlice]);
  });

  test('shows both the same safety number', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    expect(toBob.safetyNumber()).toEqual(toAlice.safetyNumber());
    expect(toBob.safetyNumber()).toHaveLength(12);
  });

  test('tells when a message was stored, delivered and read, each once', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const stored = idsOf(toBob, 'stored');
    const delivered = idsOf(toBob, 'delivered');
    const read = idsOf(toBob, 'read');
    const ids = [await toBob.send('one'), await toBob.send('two')];
    const [, second] = await take(toAlice, 2);
    await until(() => delivered.length === 2, { what: 'the receipt of delivery' });
    await second?.markRead();
    await until(() => read.length === 2, { what: 'the receipt of reading' });
    expect([stored, delivered, read]).toEqual([ids, ids, ids]);
  });

  test('can be begun before the relay has given a code', async () => {
    const bob = await people.join(relay.http);
    const alice = await Relay.open(relay.http, createIdentity(), { WebSocket });
    expect(alice.code).toBeNull();
    const toBob = await alice.startConversation(bob.code);
    await toBob.send('early');
    expect(bodies(await take(await approached(bob), 1))).toEqual(['early']);
    await alice.close();
  });

  test('begun by both at once ends in one exchange', async () => {
    const alice = await people.join(relay.http);
    const bob = await people.join(relay.http);
    const [toBob, toAlice] = await Promise.all([
      alice.relay.startConversation(bob.code),
      bob.relay.startConversation(alice.code),
    ]);
    await Promise.all([toBob.send('from Alice'), toAlice.send('from Bob')]);
    expect(bodies(await take(toAlice, 1))).toEqual(['from Alice']);
    expect(bodies(await take(toBob, 1))).toEqual(['from Bob']);
  });

  test('waits for who is offline, even before the first key exchange', async () => {
    const alice = await people.join(relay.http);
    const bob = await people.join(relay.http);
    await bob.relay.close();
    const toBob = await alice.relay.startConversation(bob.code);
    for (const body of ['one', 'two', 'three']) await toBob.send(body);

    const again = await people.join(relay.http, bob);
    const toAlice = await approached(again);
    expect(bodies(await take(toAlice, 3))).toEqual(['one', 'two', 'three']);
  });

  test('goes on after both were closed and opened again, under the keys that were stored', async () => {
    const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
    await toBob.send('before');
    await take(toAlice, 1);
    await alice.relay.close();
    await toAlice.send('while Alice is away');
    await bob.relay.close();

    const { person: aliceAgain, conversation: toBobAgain } = await people.back(relay.http, alice);
    const { conversation: toAliceAgain } = await people.back(relay.http, bob);
    expect(aliceAgain.code).toBe(alice.code);
    expect(bodies(await take(toBobAgain, 1))).toEqual(['while Alice is away']);
    await toBobAgain.send('after');
    expect(bodies(await take(toAliceAgain, 1))).toEqual(['after']);
  });

  test('works in the plain flow, with the registered keys, and again after another exchange of them', async () => {
    const alice = await people.join(relay.http, { registeredKeys: true });
    const bob = await people.join(relay.http, { registeredKeys: true });
    const exchanged: string[] = [];
    alice.relay.on('frame', ({ text }) => {
      if (text.includes('key_exchange')) exchanged.push(text);
    });
    const toBob = await alice.relay.startConversation(bob.code);
    await toBob.send('plain');
    expect(bodies(await take(await approached(bob), 1))).toEqual(['plain']);
    expect(exchanged.filter((text) => text.includes(alice.identity.ecdhPublicKey))).toHaveLength(1);
    expect(exchanged.filter((text) => text.includes(bob.identity.ecdhPublicKey))).toHaveLength(1);
  });

  test('works by protocol 1 if the program asks for it, with peers that speak 2', async () => {
    const old = await people.join(relay.http, { protocol: 1 });
    const bob = await people.join(relay.http);
    const toBob = await old.relay.startConversation(bob.code);
    await toBob.send('from protocol 1');
    const toOld = await approached(bob);
    expect(bodies(await take(toOld, 1))).toEqual(['from protocol 1']);
    await toOld.send('from protocol 2');
    expect(bodies(await take(toBob, 1))).toEqual(['from protocol 2']);
  });

  test('is mended by itself when one side has lost everything but its identity: what was sent meanwhile arrives', async () => {
    const { bob, toBob } = await people.acquainted(relay.http);
    await bob.relay.close();
    const delivered = idsOf(toBob, 'delivered');
    const lost = await toBob.send('under keys that are lost');
    const forgetful = await people.join(relay.http, { identity: bob.identity });
    expect(forgetful.code).toBe(bob.code);
    const toAlice = await approached(forgetful);
    await toBob.send('again');
    expect(bodies(await take(toAlice, 2))).toEqual(['under keys that are lost', 'again']);
    await until(() => delivered.length === 2, { what: 'both receipts' });
    expect(delivered[0]).toBe(lost);
  });
});

test('an envelope of another make is taken or dropped, and never keeps others waiting', async () => {
  const { bob, toBob, toAlice } = await people.acquainted(relay.http);
  const user = await registerUser(relay.http);
  const plainClient = await PlainClient.login(relay.ws, user);
  const key = `{"ecdh_public_key":"${user.ecdhPublicKey}"}`;
  const written = [
    `{"sender":"${user.code}","recipient":"${bob.code}","message":{"type":"message"}}`,
    `{"sender":"${user.code}","recipient":"${bob.code}","message":{"type":"message","payload":[1,{}]}}`,
    `{"sender":"${user.code}","recipient":"${bob.code}","message":{"type":"key_exchange_ack","payload":${key}}}`,
    `{ "message": {"payload":{"sender":"0000000"},"type":"wave"}, "recipient":"${bob.code}", "sender":"${user.code}" }`,
    // The same name, written by an escape: this is a request, and is answered.
    `{"s\\u0065nder":"${user.code}","recipient":"${bob.code}","message":{"type":"key_exchange","payload":${key}}}`,
  ];
  for (const data of written) plainClient.sendData(user, data);
  await plainClient.untilEnvelopes(1);
  expect(plainClient.envelopes.map((text) => JSON.parse(text).data.message.type)).toEqual([
    'key_exchange_ack',
  ]);
  await toBob.send('still there');
  expect(bodies(await take(toAlice, 1))).toEqual(['still there']);
});

test('a message is handed over until it has been handled, over restarts too, and then never again', async () => {
  const path = join(folder, 'bob.jsonl');
  const { alice } = await people.acquainted(relay.http);
  const bob = await people.join(relay.http, { storage: fileStorage(path, fs) });
  const toBob = await alice.relay.startConversation(bob.code);
  const coming = approached(bob);
  for (const body of ['one', 'two', 'three']) await toBob.send(body);
  const toAlice = await coming;
  await take(toAlice, 1);
  // Taken, and not handled when the process ends.
  const messages = toAlice.messages();
  expect((await messages.next()).value?.body).toBe('two');
  await bob.relay.close();

  const again = await people.back(relay.http, { identity: bob.identity, storage: fileStorage(path, fs) });
  expect(bodies(await take(again.conversation, 2))).toEqual(['two', 'three']);
  expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
  // Closing rewrites the file without used keys.
  await again.person.relay.close();
});
