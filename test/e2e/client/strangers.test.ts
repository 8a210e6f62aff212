import { expect, test } from 'vitest';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { approached, begun, type Person, peopleForTests, take } from '../../support/clients/sdk.ts';
import { envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/** What a sender learns whom the user has not accepted, and the commands about other people. */

/** By the default: strangers learn nothing. */
const people = peopleForTests({});
const relay = relayForTests({ RELAY_ADMIN_TOKEN: ADMIN_TOKEN });

/** Longer than an answer or a receipt takes. */
const A_WHILE_MS = 1_500;
const aWhile = () => new Promise((resolve) => setTimeout(resolve, A_WHILE_MS));

/** The recipients of all envelopes that the SDK has put on its socket. */
function watchSent(person: Person): readonly string[] {
  const recipients: string[] = [];
  person.relay.on('frame', ({ direction, text }) => {
    if (direction !== 'sent') return;
    const { data } = JSON.parse(text) as { data?: { recipient?: string } };
    if (data?.recipient !== undefined) recipients.push(data.recipient);
  });
  return recipients;
}

test('a stranger learns nothing until he is accepted: no answer, no receipt, though the message was read', async () => {
  const bob = await people.join(relay.http);
  const sent = watchSent(bob);
  const alice = await people.join(relay.http);
  const coming = approached(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  const sending = toBob.send('May I?');
  await sending.stored;
  const toAlice = await coming;
  expect(toAlice.accepted).toBe(false);
  const [message] = await take(toAlice, 1);
  expect(message?.body).toBe('May I?');
  await message?.markRead();
  await aWhile();
  expect(sent).not.toContain(alice.code);
  await bob.relay.flush();
  await toAlice.accept();
  expect(toAlice.accepted).toBe(true);
  await sending.read;
  const answer = toAlice.send('Yes.');
  expect((await take(toBob, 1))[0]?.body).toBe('Yes.');
  await answer.stored;
});

test('a raw request for keys is not answered either, and its sender sees the same as if the user were away', async () => {
  const bob = await people.join(relay.http);
  const eve = await registerUser(relay.http);
  const socket = await PlainClient.login(relay.ws, eve, { protocol: 2 });
  const payload = { ecdh_public_key: makeKeys().ecdhPublicKey };
  socket.send(envelopeFrame(eve, { recipient: bob.code, id: 'r-1', type: 'key_exchange', payload }));
  await socket.until(() => socket.accepted().includes('r-1'));
  await aWhile();
  expect(socket.envelopes).toEqual([]);
});

test('a request without a message is a conversation to accept, too; then the message comes', async () => {
  const bob = await people.join(relay.http);
  const alice = await people.join(relay.http);
  const { toBob, toAlice } = await begun(alice, bob);
  expect(toAlice.accepted).toBe(false);
  const sending = toBob.send('Thank you');
  await toAlice.accept();
  expect((await take(toAlice, 1))[0]?.body).toBe('Thank you');
  await sending.delivered;
});

test('to write to a sender accepts him; so does to begin a conversation', async () => {
  const bob = await people.join(relay.http);
  const alice = await people.join(relay.http);
  const coming = approached(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  expect(toBob.accepted).toBe(true);
  await toBob.send('Hello');
  const toAlice = await coming;
  await take(toAlice, 1);
  await toAlice.send('Hello yourself');
  expect(toAlice.accepted).toBe(true);
  expect((await take(toBob, 1))[0]?.body).toBe('Hello yourself');
});

test('what is owed to a stranger outlives a restart, and is sent once he is accepted', async () => {
  const bob = await people.join(relay.http);
  const alice = await people.join(relay.http);
  const coming = approached(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  const sending = toBob.send('May I?');
  await take(await coming, 1);
  await bob.relay.close();
  const { conversation: toAlice } = await people.back(relay.http, bob);
  expect(toAlice.accepted).toBe(false);
  await aWhile();
  await toAlice.accept();
  await until(() => toBob.secured, { what: 'the answer' });
  await toAlice.markRead(await sending);
  await sending.read;
});

test('people with whom there were keys before there was acceptance stay accepted', async () => {
  const { bob } = await people.acquainted(relay.http);
  await bob.relay.close();
  // As a storage of before.
  const stored = await bob.storage.load();
  const entries = [...stored].filter(([key]) => !key.startsWith('accept'));
  const storage = { ...bob.storage, load: async () => new Map(entries) };
  const again = await people.join(relay.http, { identity: bob.identity, storage });
  expect(again.relay.conversations.map(({ accepted }) => accepted)).toEqual([true]);
});

test('receipts can be switched off', async () => {
  const bob = await people.join(relay.http, { receipts: false });
  const alice = await people.join(relay.http);
  const coming = approached(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  const learnt: string[] = [];
  for (const step of ['delivered', 'read'] as const) toBob.on(step, () => learnt.push(step));
  await toBob.send('Hello');
  const toAlice = await coming;
  const [message] = await take(toAlice, 1);
  await message?.markRead();
  await toAlice.send('Hello yourself');
  expect((await take(toBob, 1))[0]?.body).toBe('Hello yourself');
  await aWhile();
  expect(learnt).toEqual([]);
});

test('block, unblock and blocks: what a blocked person writes does not come, and the sender cannot tell', async () => {
  const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
  expect(await bob.relay.blocks()).toEqual([]);
  await bob.relay.block(alice.code.toLowerCase());
  expect(await bob.relay.blocks()).toEqual([alice.code]);
  await toBob.send('unheard').stored;
  await bob.relay.unblock(alice.code);
  expect(await bob.relay.blocks()).toEqual([]);
  await toBob.send('heard').stored;
  const bodies: unknown[] = [];
  for await (const { body } of toAlice) {
    bodies.push(body);
    if (body === 'heard') break;
  }
  expect(bodies.at(-1)).toBe('heard');
  await expect(bob.relay.block('not a code')).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('report shows operators the last messages as they were delivered, after a restart too, and the reporter learns nothing new', async () => {
  const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
  await expect(bob.relay.report(alice.code)).rejects.toMatchObject({ code: 'invalid_argument' });
  const delivered: string[] = [];
  bob.relay.on('frame', ({ direction, text }) => {
    if (direction === 'received' && text.includes(`"sender":"${alice.code}"`)) delivered.push(text);
  });
  for (let number = 1; number <= 10; number++) await toBob.send(`watch ${number}`).stored;
  await take(toAlice, 10);
  await bob.relay.close();
  const again = await people.join(relay.http, { identity: bob.identity, storage: bob.storage });
  expect(await again.relay.report(alice.code, { reason: 'Sells watches.' })).toBe(8);
  const { json } = await admin(relay, 'GET', '/v1/reports');
  const { items } = json as { items: { envelopes: { data: string; signature: string }[] }[] };
  expect(items).toMatchObject([{ reporter: bob.code, code: alice.code, reason: 'Sells watches.' }]);
  const shown = items[0]?.envelopes.map((each) => `{"data":${each.data},"signature":"${each.signature}"`);
  const messages = delivered.filter((text) => text.includes('"type":"message"'));
  expect(shown).toEqual(messages.slice(-8).map((text) => text.slice(0, text.indexOf(',"seq":'))));
});

test('policy known: those whom the user has accepted are heard as before', async () => {
  const { bob, toBob, toAlice } = await people.acquainted(relay.http);
  await toAlice.accept();
  await bob.relay.policy('known');
  await toBob.send('a friend').stored;
  expect((await take(toAlice, 1))[0]?.body).toBe('a friend');
  await bob.relay.policy('anyone');
});

test('deleteAccount ends the client; the code is gone', async () => {
  const bob = await people.join(relay.http);
  await bob.relay.deleteAccount();
  expect(bob.relay.state).toMatchObject({ state: 'ended', error: { code: 'account_gone' } });
  expect((await fetch(`${relay.http}/users/${bob.code}`)).status).toBe(410);
  await expect(bob.relay.block('A11CE00')).rejects.toMatchObject({ code: 'account_gone' });
});
