import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import type { Conversation } from '../../../src/client/index.ts';
import { TcpProxy } from '../../faults/injectors/proxy.ts';
import { begun, People, type Person, take } from '../../support/clients/sdk.ts';
import { byLength } from '../../support/long.ts';
import { Random } from '../../support/random.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

const MESSAGES = byLength(150, 1_000);
/** Drawn anew for each cut: frames that come through before it, so that a slow machine has as many cuts. */
const CUT_AFTER_FRAMES = { min: 20, max: 100 };
/** So many cuts come however young the connection is: each makes the SDK wait for longer. */
const EARLY_CUTS = 4;
/** The others leave the connection this time, after which the SDK's wait is short again. */
const GOOD_MS = 2_000;

const people = new People();
const redis = redisForTests({ appendonly: 'yes', appendfsync: 'always' });
const processes = processesForTests();
let relay: RelayNode;

beforeAll(async () => {
  relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await people.leave();
});

/** Makes Node's global object a target of events, as a browser's is. */
function likeBrowser(): EventTarget {
  const target = new EventTarget();
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
  vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target));
  return target;
}

/** What the other side has to get, exactly and in this order. */
const expected = (who: string) => Array.from({ length: MESSAGES }, (_, number) => `${who} ${number}`);

async function sendAll(conversation: Conversation, who: string): Promise<void> {
  for (const body of expected(who)) await conversation.send(body);
}

/** Cuts every connection of one person at random moments until `done`; says how often. */
async function cutAtRandom(
  proxy: TcpProxy,
  { person, done, seed }: { person: Person; done: Promise<unknown>; seed: number },
): Promise<number> {
  const random = new Random(seed);
  const { min, max } = CUT_AFTER_FRAMES;
  const draw = () => min + Math.floor(random.next() * (max - min));
  let left = draw();
  let cuts = 0;
  let liveMs = 0;
  const stopStates = person.relay.on('state', ({ state }) => {
    if (state === 'live') liveMs = performance.now();
  });
  const stopFrames = person.relay.on('frame', ({ direction }) => {
    if (direction === 'sent') return;
    left -= 1;
    if (left > 0 || (cuts >= EARLY_CUTS && performance.now() - liveMs < GOOD_MS)) return;
    left = draw();
    cuts += 1;
    proxy.reset();
  });
  await done;
  stopStates();
  stopFrames();
  return cuts;
}

test(`${MESSAGES} messages each way arrive once and in order while both lines are cut at random`, async () => {
  const [lineA, lineB] = [await TcpProxy.start(relay), await TcpProxy.start(relay)];
  const alice = await people.join(`http://127.0.0.1:${lineA.port}`);
  const bob = await people.join(`http://127.0.0.1:${lineB.port}`);
  const gaps: number[] = [];
  const { toBob, toAlice } = await begun(alice, bob);
  for (const each of [toBob, toAlice]) each.on('gap', ({ missing }) => gaps.push(missing));

  const received = Promise.all([take(toAlice, MESSAGES), take(toBob, MESSAGES)]);
  const cuts = Promise.all([
    cutAtRandom(lineA, { person: alice, done: received, seed: 1 }),
    cutAtRandom(lineB, { person: bob, done: received, seed: 2 }),
  ]);
  await Promise.all([sendAll(toBob, 'Alice'), sendAll(toAlice, 'Bob')]);
  const [atBob, atAlice] = await received;
  const counts = await cuts;

  expect(atBob.map(({ body }) => body)).toEqual(expected('Alice'));
  expect(atAlice.map(({ body }) => body)).toEqual(expected('Bob'));
  expect(gaps).toEqual([]);
  // Otherwise nothing was shown.
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(3);
  await people.leave();
  await Promise.all([lineA.stop(), lineB.stop()]);
}, 480_000);

test('a relay killed in the middle and started again is not noticed, but for the wait', async () => {
  // Not the kernel's choice at the listen: such a port cannot be listened on again for a minute.
  const settings = { RELAY_REDIS_URL: redis.url, RELAY_PORT: `${await freePort()}` };
  const first = await processes.relay(settings);
  const alice = await people.join(first.http);
  const bob = await people.join(first.http);
  const { toBob, toAlice } = await begun(alice, bob);
  const received = take(toAlice, 200);
  const delivered: string[] = [];
  toBob.on('delivered', ({ id }) => delivered.push(id));
  const ids: string[] = [];
  for (let number = 0; number < 100; number++) ids.push(await toBob.send(number));
  await until(() => delivered.length > 0, { what: 'the first to arrive' });
  await first.kill();
  for (let number = 100; number < 200; number++) ids.push(await toBob.send(number));
  await processes.relay(settings);

  expect((await received).map(({ body }) => body)).toEqual(
    Array.from({ length: 200 }, (_, number) => number),
  );
  await until(() => delivered.length === 200, { what: 'all receipts' });
  expect(delivered).toEqual(ids);
});

test('a socket that is dead and does not say so is found once the network is back, and what was sent arrives', async () => {
  const browser = likeBrowser();
  const line = await TcpProxy.start(relay);
  const alice = await people.join(`http://127.0.0.1:${line.port}`);
  const bob = await people.join(relay.http);
  const { toBob, toAlice } = await begun(alice, bob);
  await until(() => toBob.secured, { what: 'keys' });

  // As when a telephone changes from one network to another: no end, no reset.
  line.add({ kind: 'blackhole' }, 'up', 'down');
  await toBob.send('into the void');
  const startedMs = performance.now();
  // It may try again in the next moment.
  const states: string[] = [];
  alice.relay.on('state', ({ state }) => states.push(state));
  browser.dispatchEvent(new Event('online'));
  await until(() => states.includes('offline'), {
    what: 'the silence to be noticed',
    timeoutMs: 30_000,
  });
  expect(performance.now() - startedMs).toBeGreaterThan(9_000);
  line.heal();
  expect((await take(toAlice, 1)).map(({ body }) => body)).toEqual(['into the void']);
  await people.leave();
  await line.stop();
});

test('a sign of life costs the relay no storing but the first time, and the living socket stays', async () => {
  const browser = likeBrowser();
  const alice = await people.join(relay.http);
  const probes: string[] = [];
  const answers: string[] = [];
  alice.relay.on('frame', ({ direction, text }) => {
    if (direction === 'sent' && text.includes('"heartbeat"')) probes.push(text);
    const isAccepted = direction === 'received' && text.includes('"accepted"');
    if (isAccepted && probes.some((probe) => probe.includes(idOf(text)))) answers.push(text);
  });
  for (const [index, name] of ['online', 'offline', 'pageshow'].entries()) {
    browser.dispatchEvent(new Event(name));
    await until(() => answers.length > index, { what: `the answer after ${name}` });
  }
  // The same bytes, so that the relay knows them from its memory.
  expect(probes).toHaveLength(3);
  expect(new Set(probes).size).toBe(1);
  expect(new Set(answers).size).toBe(1);
  expect(alice.relay.state.state).toBe('live');
  expect(await redis.call('XLEN', `inbox:{${alice.code}}`)).toBeLessThanOrEqual(1);
});

/** The id that an `accepted` names. */
function idOf(accepted: string): string {
  const { data } = JSON.parse(accepted) as { data: { message: { payload: { id: string } } } };
  return data.message.payload.id;
}

test('a key that the relay changes for a code stops the conversation until it is accepted', async () => {
  const alice = await people.join(relay.http);
  const bob = await people.join(relay.http);
  const { toBob } = await begun(alice, bob);
  await until(() => toBob.secured, { what: 'keys' });
  const before = toBob.safetyNumber();
  await bob.relay.close();

  // The operator of the relay puts another identity behind Bob's code.
  const mallory = await people.join(relay.http);
  await mallory.relay.close();
  const { eddsaPublicKey, ecdhPublicKey } = mallory.identity;
  await redis.call('HSET', `user:{${bob.code}}`, 'eddsa', eddsaPublicKey, 'ecdh', ecdhPublicKey);
  await redis.call('SET', `key:${eddsaPublicKey}`, bob.code);
  const changed = new Promise((resolve) => toBob.on('key-changed', resolve));
  const impostor = await people.join(relay.http, { identity: mallory.identity });
  expect(impostor.code).toBe(bob.code);
  const fromImpostor = await impostor.relay.startConversation(alice.code);
  await fromImpostor.send('It is me, Bob');

  expect(await changed).toEqual({
    pinned: bob.identity.eddsaPublicKey,
    offered: eddsaPublicKey,
  });
  expect(toBob.keyChanged).toBe(true);
  await expect(toBob.send('secret')).rejects.toMatchObject({ code: 'key_changed' });
  expect(toBob.safetyNumber()).toEqual(before);
  expect(toBob.safetyNumber('offered')).not.toEqual(before);

  // A person has decided: what was held is opened, and the conversation goes on.
  await toBob.acceptChangedKey();
  expect(toBob.keyChanged).toBe(false);
  expect((await take(toBob, 1)).map(({ body }) => body)).toEqual(['It is me, Bob']);
  await toBob.send('Welcome back');
  expect((await take(fromImpostor, 1)).map(({ body }) => body)).toEqual(['Welcome back']);
});
