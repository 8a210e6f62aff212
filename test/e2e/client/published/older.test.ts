import { afterEach, describe, expect, test } from 'vitest';
import { joinOlder, type OlderConversation, type OlderPerson } from '../../../support/clients/older-sdk.ts';
import { approached, type Person, peopleForTests, take } from '../../../support/clients/sdk.ts';
import { Visit } from '../../../support/clients/visits.ts';
import { longTest } from '../../../support/long.ts';
import { processesForTests, relayForTests } from '../../../support/servers/for-tests.ts';
import { until } from '../../../support/until.ts';

/** Today's SDK and the one of version 1, which stays as it was published: they must understand each other in every role. */
const processes = processesForTests();
const relay = relayForTests();
const people = peopleForTests();
const older: OlderPerson[] = [];
afterEach(async () => {
  await Promise.all(older.splice(0).map((person) => person.relay.close()));
});

async function joinOld(
  options: Parameters<typeof joinOlder>[1] = {},
  url = relay.http,
): Promise<OlderPerson> {
  const person = await joinOlder(url, options);
  older.push(person);
  return person;
}

/** Both, with the codes in this order. */
async function both(smaller: 'old' | 'new', url = relay.http): Promise<{ old: OlderPerson; today: Person }> {
  for (;;) {
    const [old, today] = [await joinOld({}, url), await people.join(url)];
    if (old.code < today.code === (smaller === 'old')) return { old, today };
  }
}

function approachedOld(person: OlderPerson): Promise<OlderConversation> {
  return new Promise((resolve) =>
    person.relay.on('conversation', ({ conversation }) => resolve(conversation)),
  );
}

async function takeOld(conversation: OlderConversation, count: number): Promise<unknown[]> {
  const got: unknown[] = [];
  for await (const message of conversation) {
    got.push(message.body);
    await message.markRead();
    if (got.length === count) break;
  }
  return got;
}

/** Long enough for acknowledgements and receipts, which are gathered. */
const flushed = () => new Promise((resolve) => setTimeout(resolve, 500));
const bodies = (messages: readonly { body: unknown }[]) => messages.map(({ body }) => body);

describe.each(['old', 'new'] as const)('where the smaller code is that of the %s client', (smaller) => {
  test('the old one begins', async () => {
    const { old, today } = await both(smaller);
    const coming = approached(today);
    const toToday = await old.relay.startConversation(today.code);
    for (const word of ['one', 'two']) await toToday.send(word);
    const toOld = await coming;
    expect(bodies(await take(toOld, 2))).toEqual(['one', 'two']);
    await toOld.send('back');
    expect(await takeOld(toToday, 1)).toEqual(['back']);
    expect(toOld.safetyNumber()).toEqual(toToday.safetyNumber());
  });

  test('the new one begins: its first message, which the old one cannot see in the request, goes again', async () => {
    const { old, today } = await both(smaller);
    const coming = approachedOld(old);
    const toOld = await today.relay.startConversation(old.code);
    const read = new Promise((resolve) => toOld.on('read', resolve));
    const id = await toOld.send('one');
    await toOld.send('two');
    const toToday = await coming;
    expect(await takeOld(toToday, 2)).toEqual(['one', 'two']);
    expect(await read).toEqual({ id });
    await toToday.send('back');
    expect(bodies(await take(toOld, 1))).toEqual(['back']);
  });

  // More than once: whose request comes first is a matter of milliseconds.
  test('both begin at once', { repeats: 3 }, async () => {
    const { old, today } = await both(smaller);
    const [toOld, toToday] = await Promise.all([
      today.relay.startConversation(old.code),
      old.relay.startConversation(today.code),
    ]);
    await Promise.all([toOld.send('from new'), toToday.send('from old')]);
    expect(await takeOld(toToday, 1)).toEqual(['from new']);
    expect(bodies(await take(toOld, 1))).toEqual(['from old']);
  });

  // The old one, if its code is smaller, ignores every request for a minute.
  (smaller === 'old' ? longTest : test)(
    'a request that was lost keeps neither from writing',
    async () => {
      const brief = await processes.relay({ RELAY_MAILBOX_TTL: '2' });
      const { old, today } = await both(smaller, brief.http);
      // The old one asks a peer who is away until the request has run out.
      await today.relay.close();
      const toToday = await old.relay.startConversation(today.code);
      await toToday.send('waits');
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const again = await people.join(brief.http, today);
      const toOld = await again.relay.startConversation(old.code);
      await toOld.send('from new');
      expect(await takeOld(toToday, 1)).toEqual(['from new']);
      expect(bodies(await take(toOld, 1))).toEqual(['waits']);
    },
    120_000,
  );

  test('the old one loses its keys: what was sent to it meanwhile is sent again', async () => {
    const { old, today } = await both(smaller);
    const coming = approachedOld(old);
    const toOld = await today.relay.startConversation(old.code);
    await toOld.send('before');
    expect(await takeOld(await coming, 1)).toEqual(['before']);
    await flushed();
    await old.relay.close();
    await toOld.send('under keys that are lost');
    const forgetful = await joinOld({ identity: old.identity });
    const toToday = await approachedOld(forgetful);
    expect(await takeOld(toToday, 1)).toEqual(['under keys that are lost']);
  });

  test('the new one loses its keys', async () => {
    const { old, today } = await both(smaller);
    const coming = approached(today);
    const toToday = await old.relay.startConversation(today.code);
    await toToday.send('before');
    await take(await coming, 1);
    await flushed();
    await today.relay.close();
    const failed = new Promise((resolve) => toToday.on('failed', resolve));
    const lost = await toToday.send('under keys that are lost');
    const forgetful = await people.join(relay.http, { identity: today.identity });
    // An old client learns of it, and leaves it to its user.
    expect(await failed).toMatchObject({ id: lost });
    const toOld = forgetful.relay.conversations[0] ?? (await approached(forgetful));
    await toToday.send('again');
    expect(bodies(await take(toOld, 1))).toEqual(['again']);
  });
});

/** What a visit needs of an SDK, of whatever version. */
interface Visitor {
  readonly identity: OlderPerson['identity'];
  readonly storage: OlderPerson['storage'];
  readonly code: string;
  readonly relay: {
    readonly conversations: readonly Words[];
    startConversation(code: string): Promise<{ send(body: unknown): Promise<string> }>;
    on(name: 'conversation', listener: (event: { readonly conversation: Words }) => void): () => void;
    close(): Promise<void>;
  };
}
type Words = AsyncIterable<{ readonly body: unknown }>;
type Arrive = (
  options: Partial<Pick<Visitor, 'identity' | 'storage'>> & Pick<Visit, 'WebSocket'>,
) => Promise<Visitor>;

/** Alice writes one word to Bob, who is offline, and leaves. From then on they are never there together, Bob first. */
async function visitsUntilRead(arrive: Arrive): Promise<number> {
  let read = false;
  const take = async (words: Words) => {
    for await (const { body } of words) read ||= body === 'first word';
  };
  const visit = async (
    who: Partial<Visitor>,
    envelopes: number,
    act: (person: Visitor) => Promise<unknown> = async () => {},
  ) => {
    const { identity, storage } = who;
    const one = new Visit();
    const person = await arrive({ WebSocket: one.WebSocket, ...(identity && { identity, storage }) });
    for (const words of person.relay.conversations) void take(words);
    person.relay.on('conversation', ({ conversation }) => void take(conversation));
    await act(person);
    await one.done(envelopes);
    await person.relay.close();
    return person;
  };
  const bob = await visit({}, 0);
  const alice = await visit({}, 1, async ({ relay: at }) =>
    (await at.startConversation(bob.code)).send('first word'),
  );
  for (let visits = 1; visits <= 5; visits += 1) {
    // Each has something to answer, until the word is read.
    await visit(visits % 2 === 1 ? bob : alice, 1);
    if (read) return visits;
  }
  throw new Error('never read');
}

test('Bob, who is offline, reads the first word at his first login: one visit, where the old SDK takes three', async () => {
  expect(await visitsUntilRead((options) => people.join(relay.http, options))).toBe(1);
  expect(await visitsUntilRead((options) => joinOld(options))).toBe(3);
});

longTest(
  'hundreds of messages, past the point where the new one exchanges keys anew',
  async () => {
    const { old, today } = await both('old');
    const coming = approachedOld(old);
    const toOld = await today.relay.startConversation(old.code);
    const words = Array.from({ length: 130 }, (_, number) => number);
    for (const word of words) await toOld.send(word);
    expect(await takeOld(await coming, words.length)).toEqual(words);
  },
  60_000,
);

test("what the old SDK has stored, today's opens: keys, waiting messages, messages not handled yet", async () => {
  const alice = await joinOld();
  const bob = await joinOld();
  const coming = approachedOld(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  await toBob.send('before');
  const toAlice = await coming;
  expect(await takeOld(toAlice, 1)).toEqual(['before']);
  await toAlice.send('not handled yet');
  await until(() => toBob.secured, { what: 'keys' });
  await flushed();
  await bob.relay.close();
  await toBob.send('while Bob is away');
  await alice.relay.close();

  const [alice2, bob2] = [await people.join(relay.http, alice), await people.join(relay.http, bob)];
  const exchanged: string[] = [];
  for (const { relay: each } of [alice2, bob2]) {
    each.on('frame', ({ text }) => {
      if (text.includes('key_exchange')) exchanged.push(text);
    });
  }
  const [toBob2, toAlice2] = [alice2.relay.conversations[0], bob2.relay.conversations[0]];
  if (toBob2 === undefined || toAlice2 === undefined) throw new Error('a conversation was forgotten');
  expect(bodies(await take(toBob2, 1))).toEqual(['not handled yet']);
  expect(bodies(await take(toAlice2, 1))).toEqual(['while Bob is away']);
  await toBob2.send('under the old keys');
  expect(bodies(await take(toAlice2, 1))).toEqual(['under the old keys']);
  // The keys of version 1 are used until they expire.
  expect(exchanged).toEqual([]);
});

test("an old client's word, in the storage but not sent, goes out", async () => {
  const alice = await joinOld();
  const bob = await people.join(relay.http);
  await alice.relay.close();
  // Version 1 has queued a message, with its content in the queue, and its request is lost.
  const storage = new Map<string, string>(await alice.storage.load());
  storage.set(
    `pin:${bob.code}`,
    JSON.stringify({ eddsaPublicKey: bob.identity.eddsaPublicKey, name: null, offered: null }),
  );
  storage.set(`sent:${bob.code}:000000000000`, JSON.stringify({ id: 'queued-1', delivered: false }));
  storage.set(
    `outbox:${bob.code}:000000000000`,
    JSON.stringify({
      number: 0,
      id: 'queued-1',
      recipient: bob.code,
      urgent: false,
      frame: null,
      content: { type: 'message', body: 'queued by version 1', at: '' },
      exchange: null,
    }),
  );
  await alice.storage.write(storage);
  const coming = approached(bob);
  const again = await people.join(relay.http, alice);
  expect(again.code).toBe(alice.code);
  const [message] = await take(await coming, 1);
  expect(message).toMatchObject({ id: 'queued-1', body: 'queued by version 1' });
});

test('a client that has spoken version 2 with a peer does not fall back to version 1 with it, unless its user says so', async () => {
  const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
  await toBob.send('version 2');
  await take(toAlice, 1);
  // Version 1 takes no frame with `tries` behind the seq: nothing may be left unacknowledged.
  await flushed();
  await bob.relay.close();
  let warned = 0;
  toBob.on('downgraded', () => {
    warned += 1;
  });
  const fallen = await joinOld({ identity: bob.identity });
  const toAlice1 = await fallen.relay.startConversation(alice.code);
  await toAlice1.send('from an older program');
  await until(() => warned > 0, { what: 'a warning' });
  expect(toAlice1.secured).toBe(false);
  await toBob.acceptWeakerKeys();
  await until(() => toAlice1.secured, { what: 'keys' });
  expect(bodies(await take(toBob, 1))).toEqual(['from an older program']);
});
