import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { envelopeFrame, readServerMessage } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { ReconnectingClient } from '../../support/plain/reconnecting-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

const ENVELOPES = 1_000;

interface Store {
  readonly url: string;
  remove(): Promise<void>;
}

const STORES: Record<string, () => Promise<Store>> = {
  'one Redis': () => startRedis(),
  'a Redis Cluster of three masters': async () => {
    const { urls, remove } = await startRedisCluster({ masters: 3 });
    return { url: urls.join(','), remove };
  },
};

/** Several nodes over one store: clients cannot tell them apart, and any of them may end at any moment. */
describe.each(Object.keys(STORES))('nodes over %s', (name) => {
  let store: Store;
  beforeAll(async () => {
    store = (await STORES[name]?.()) ?? { url: '', remove: async () => {} };
  });
  afterAll(() => store.remove());
  const processes = processesForTests();

  const node = (settings: Record<string, string> = {}) =>
    processes.relay({
      RELAY_REDIS_URL: store.url,
      RELAY_ENVELOPES_PER_S: '0',
      RELAY_BYTES_PER_S: '0',
      RELAY_MAILBOX_ENVELOPES: `${2 * ENVELOPES}`,
      RELAY_MAILBOX_SHARE: '100',
      ...settings,
    });

  it('deliver from every node to every node', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    // So many that every master of a Cluster has some of their mailboxes.
    const people = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const at = nodes[n % nodes.length] as RelayNode;
        const user = await registerUser(at.http);
        return { user, socket: await PlainClient.login(at.ws, user) };
      }),
    );
    const sent = new Map<string, string[]>(people.map(({ user }) => [user.code, []]));
    for (const { user, socket } of people) {
      for (const { user: to } of people) {
        const frame = envelopeFrame(user, { recipient: to.code });
        socket.send(frame);
        sent.get(to.code)?.push(frame);
      }
    }
    for (const { user, socket } of people) {
      const received = await socket.untilEnvelopes(people.length);
      expect(received.toSorted()).toEqual(sent.get(user.code)?.toSorted());
    }
  });

  describe('with 1,000 envelopes in flight', () => {
    let nodes: [RelayNode, RelayNode, RelayNode];
    let alice: PlainUser;
    let bob: PlainUser;
    let frames: string[];

    beforeEach(async () => {
      nodes = await Promise.all([node(), node(), node()]);
      [alice, bob] = [await registerUser(nodes[0].http), await registerUser(nodes[1].http)];
      frames = Array.from({ length: ENVELOPES }, (_, n) =>
        envelopeFrame(alice, { recipient: bob.code, id: `n-${n}`, payload: n }),
      );
    });

    /** Bob and Alice go to the third node when theirs is gone, as any client would. */
    async function exchange(interrupt: () => Promise<unknown>): Promise<string[][]> {
      const [one, two, three] = nodes;
      const sender = new Persistent([one.ws, three.ws], alice);
      const receiver = new Persistent([two.ws, three.ws], bob);
      await Promise.all([sender.connect(), receiver.connect()]);
      sender.send(frames.slice(0, ENVELOPES / 2));
      await receiver.has(ENVELOPES / 4);
      const interrupted = interrupt();
      // Hundreds are in flight, and hundreds more follow before a client notices.
      sender.send(frames.slice(ENVELOPES / 2));
      await interrupted;
      await sender.until(() => sender.accepted === ENVELOPES);
      await receiver.until(() => new Set(receiver.received.flat()).size >= ENVELOPES);
      for (const each of [sender, receiver]) each.close();
      return receiver.received;
    }

    function expectAllInOrder(received: readonly (readonly string[])[]): void {
      // Each once on one connection, in order, without a hole; what was not confirmed comes again on the next.
      const numbers = received.map((frames_) => frames_.map((frame) => frames.indexOf(frame)));
      for (const connection of numbers) {
        const [first = 0] = connection;
        expect(connection).toEqual(connection.map((_, n) => first + n));
      }
      expect([...new Set(received.flat())]).toEqual(frames);
    }

    it("nothing is lost or reordered when the recipient's node is killed", async () => {
      const received = await exchange(() => nodes[1].kill());
      expect(received.length).toBe(2);
      expectAllInOrder(received);
    });

    it("nothing is lost, doubled or reordered when the sender's node is killed", async () => {
      const received = await exchange(() => nodes[0].kill());
      expect(received).toEqual([frames]);
    });

    it('nothing is lost or reordered when both nodes stop', async () => {
      const received = await exchange(() => Promise.all([nodes[0].stop(), nodes[1].stop()]));
      expect(received.length).toBe(2);
      expectAllInOrder(received);
      expect([nodes[0].ended, nodes[1].ended]).toEqual(['exit code 0', 'exit code 0']);
    });
  });
});

/** A client that comes back: to the next relay of its list, and with what it is not sure of. */
class Persistent {
  readonly #client: ReconnectingClient;
  #dials = 0;
  #unaccepted: string[] = [];
  /** By connection. */
  readonly received: string[][] = [];
  readonly #accepted = new Set<string>();
  #awaited: { readonly count: number; readonly resolve: () => void } | null = null;

  constructor(urls: readonly string[], user: PlainUser) {
    this.#client = new ReconnectingClient({
      user,
      dial: () => urls[Math.min(this.#dials++, urls.length - 1)] ?? '',
      onLogin: () => {
        this.received.push([]);
        this.#sendUnaccepted();
      },
      onFrame: (frame) => this.#take(String(frame)),
    });
  }

  get accepted(): number {
    return this.#accepted.size;
  }

  /** Resolves in the very turn in which so many have come on the first connection. */
  has(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { count, resolve };
    });
  }

  async connect(): Promise<void> {
    this.#client.start();
    await this.until(() => this.#client.loggedIn);
  }

  send(frames: readonly string[]): void {
    this.#unaccepted.push(...frames);
    if (this.#client.loggedIn) for (const frame of frames) this.#client.client?.send(frame);
  }

  until(condition: () => boolean): Promise<void> {
    return expect.poll(condition, { timeout: 15_000, interval: 5 }).toBe(true);
  }

  close(): void {
    this.#client.stop();
  }

  #take(text: string): void {
    const envelopes = this.received.at(-1);
    if (readServerMessage(text) === null) envelopes?.push(text);
    if (envelopes?.length === this.#awaited?.count) this.#awaited?.resolve();
    const accepted = /"type":"accepted","payload":{"id":"([^"]+)"/.exec(text)?.[1];
    if (accepted !== undefined) this.#accepted.add(accepted);
  }

  /** In order, from the first that is in doubt: with the same id a repeat is stored once. */
  #sendUnaccepted(): void {
    this.#unaccepted = this.#unaccepted.filter((frame) => !this.#accepted.has(idOf(frame)));
    for (const frame of this.#unaccepted) this.#client.client?.send(frame);
  }
}

function idOf(frame: string): string {
  return /"id":"([^"]+)"/.exec(frame)?.[1] ?? '';
}
