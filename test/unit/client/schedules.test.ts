import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  type Conversation,
  createIdentity,
  memoryStorage,
  Relay,
  type Storage,
} from '../../../src/client/index.ts';
import { loadKem } from '../../../src/client/keys/exchange/hybrid.ts';
import { SimulatedRelay } from '../../support/clients/simulated-relay.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

// The same functions as in production, computed by native code: a thousand schedules in a minute instead of twenty.
vi.mock('../../../src/crypto/verify-portable.ts', () => import('../../support/keys/native-crypto.ts'));
vi.mock('../../../src/crypto/x25519.ts', () => import('../../support/keys/native-crypto.ts'));
vi.mock('../../../src/crypto/ed25519.ts', async (original) => ({
  ...(await original<typeof import('../../../src/crypto/ed25519.ts')>()),
  ...(await import('../../support/keys/native-crypto.ts')).ed25519,
}));

beforeAll(async () => {
  await loadKem();
});
const time = new VirtualTime();
beforeEach(() => time.install());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** One person: a client that can be closed and opened again, and what it got. */
class Person {
  readonly #relay: SimulatedRelay;
  readonly #identity = createIdentity();
  readonly #storage: Storage = memoryStorage();
  #client: Relay | null = null;
  code = '';
  said = 0;
  readonly heard: unknown[] = [];
  readonly failed: unknown[] = [];
  peer: Person | null = null;
  readonly #listening = new Set<Conversation>();

  constructor(relay: SimulatedRelay) {
    this.#relay = relay;
  }

  async start(): Promise<void> {
    const { url, WebSocket, fetch } = this.#relay;
    const options = { WebSocket, fetch: fetch as never, storage: this.#storage, answersStrangers: true };
    const client = await Relay.open(url, this.#identity, options);
    this.#client = client;
    client.on('conversation', ({ conversation }) => void this.#listen(conversation));
    for (const conversation of client.conversations) void this.#listen(conversation);
    await pass(100);
    this.code = client.code ?? '';
  }

  async stop(): Promise<void> {
    const closing = this.#client?.close();
    await pass(50);
    await closing;
  }

  async say(body = `${this.code} ${this.said++}`): Promise<void> {
    if (this.#client === null || this.peer === null) throw new Error('not started');
    const starting = this.#client.startConversation(this.peer.code);
    await pass(0);
    const conversation = await starting;
    void this.#listen(conversation);
    const sending = conversation.send(body);
    await pass(0);
    await sending;
  }

  get secured(): boolean {
    return this.#client?.conversations[0]?.secured ?? false;
  }

  async #listen(conversation: Conversation): Promise<void> {
    if (this.#listening.has(conversation)) return;
    this.#listening.add(conversation);
    conversation.on('failed', (failed) => this.failed.push(failed));
    for await (const { body } of conversation) this.heard.push(body);
  }
}

const pass = (ms: number) => time.pass(ms);

const who = fc.constantFrom<'alice' | 'bob'>('alice', 'bob');
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant('say' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 7, 30, 300, 2_500) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom('lose' as const, 'expire' as const, 'cut' as const), who }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('repeat' as const), who, which: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const), who }) },
);

type Step =
  | { readonly does: 'say' | 'lose' | 'expire' | 'cut' | 'restart'; readonly who: 'alice' | 'bob' }
  | { readonly does: 'burst'; readonly who: 'alice' | 'bob'; readonly count: number }
  | { readonly does: 'repeat'; readonly who: 'alice' | 'bob'; readonly which: number }
  | { readonly does: 'pass'; readonly ms: number };

/** Plays one schedule and lets the dust settle. */
async function play(steps: readonly Step[]): Promise<{
  readonly alice: Person;
  readonly bob: Person;
  /** Requests that the relay has accepted. */
  readonly exchanges: number;
}> {
  const relay = new SimulatedRelay();
  const people = { alice: new Person(relay), bob: new Person(relay) };
  const { alice, bob } = people;
  alice.peer = bob;
  bob.peer = alice;
  await alice.start();
  await bob.start();
  for (const each of steps) {
    if (each.does === 'pass') await pass(each.ms);
    else {
      const person = people[each.who];
      if (each.does === 'say') await person.say();
      else if (each.does === 'burst') for (let n = 0; n < each.count; n++) await person.say();
      else if (each.does === 'lose') relay.lose(person.code);
      else if (each.does === 'expire') relay.expire(person.code);
      else if (each.does === 'cut') relay.cut(person.code);
      else if (each.does === 'repeat') relay.repeat(person.code, each.which);
      else {
        await person.stop();
        await person.start();
      }
    }
  }
  relay.heal();
  await pass(3_000);
  // A word each way, and whatever has to be asked for again.
  await alice.say();
  await bob.say();
  await pass(4 * 60_000);
  await alice.say();
  await bob.say();
  await pass(4 * 60_000);
  await alice.stop();
  await bob.stop();
  return { ...people, exchanges: relay.accepted.key_exchange ?? 0 };
}

const RUNS = Number(process.env.KEYRELAY_SCHEDULES ?? 40);

test(
  `${RUNS} random schedules over a relay that loses, repeats, expires and cuts: every message once, in order`,
  async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { alice, bob } = await play(steps);
      expect(alice.heard).toEqual(Array.from({ length: bob.said }, (_, number) => `${bob.code} ${number}`));
      expect(bob.heard).toEqual(Array.from({ length: alice.said }, (_, number) => `${alice.code} ${number}`));
      expect([...alice.failed, ...bob.failed]).toEqual([]);
      expect([alice.secured, bob.secured]).toEqual([true, true]);
    });
    await fc.assert(property, { numRuns: RUNS, seed: Number(process.env.KEYRELAY_SEED ?? 18) });
  },
  Math.max(600_000, RUNS * 3_000),
);

test(
  'long conversations exchange keys anew on the way, while sockets are cut: every message once, in order',
  async () => {
    const burst = fc.record({
      does: fc.constant('burst' as const),
      who,
      count: fc.integer({ min: 20, max: 120 }),
    });
    const cut = fc.record({ does: fc.constant('cut' as const), who });
    const wait = fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 7, 30, 300) });
    const steps = fc.array(fc.oneof(burst, cut, wait), { minLength: 6, maxLength: 12 });
    const property = fc.asyncProperty(steps, async (schedule) => {
      const { alice, bob, exchanges } = await play(schedule);
      expect(bob.heard).toEqual(Array.from({ length: alice.said }, (_, number) => `${alice.code} ${number}`));
      expect(alice.heard).toEqual(Array.from({ length: bob.said }, (_, number) => `${bob.code} ${number}`));
      expect(exchanges).toBeGreaterThanOrEqual(Math.floor(Math.max(alice.said, bob.said) / 100));
    });
    await fc.assert(property, { numRuns: 10, seed: 19 });
  },
  Math.max(600_000, RUNS * 3_000),
);
