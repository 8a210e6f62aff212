import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Conversation,
  createIdentity,
  type Identity,
  type Message,
  memoryStorage,
  Relay,
  type RelayOptions,
  type Storage,
} from '../../../src/client/index.ts';
import { until } from '../until.ts';

/** One person at one relay, by the SDK, with what a test wants to look at. */
export interface Person {
  readonly identity: Identity;
  readonly storage: Storage;
  readonly relay: Relay;
  readonly code: string;
}

export interface PersonOptions extends Omit<RelayOptions, 'storage'> {
  readonly identity?: Identity;
  readonly storage?: Storage;
}

/**
 * The people of one test file. Unlike by the SDK's default, they answer strangers, unless the test is about strangers.
 */
export class People {
  readonly #all: PersonOptions;
  #relays: Relay[] = [];

  constructor(all: PersonOptions = { answersStrangers: true }) {
    this.#all = all;
  }

  /** Connects; with the identity and storage of an earlier one, comes back. */
  async join(url: string, options: PersonOptions = {}): Promise<Person> {
    const { identity = createIdentity(), storage = memoryStorage(), ...rest } = { ...this.#all, ...options };
    const relay = await Relay.connect(url, identity, { WebSocket, storage, ...rest });
    this.#relays.push(relay);
    return { identity, storage, relay, code: relay.code ?? '' };
  }

  /** Alice knows Bob's code; both have the conversation, with keys. */
  async acquainted(url: string): Promise<{
    alice: Person;
    bob: Person;
    toBob: Conversation;
    toAlice: Conversation;
  }> {
    const [alice, bob] = [await this.join(url), await this.join(url)];
    const { toBob, toAlice } = await begun(alice, bob);
    await toAlice.accept();
    await until(() => toBob.secured && toAlice.secured, { what: 'keys' });
    return { alice, bob, toBob, toAlice };
  }

  /** The same person on the same storage, as after a restart, and the one conversation. */
  async back(
    url: string,
    { identity, storage }: Pick<Person, 'identity' | 'storage'>,
  ): Promise<{ person: Person; conversation: Conversation }> {
    const person = await this.join(url, { identity, storage });
    const [conversation] = person.relay.conversations;
    if (conversation === undefined) throw new Error('the conversation was forgotten');
    return { person, conversation };
  }

  async leave(): Promise<void> {
    await Promise.all(this.#relays.splice(0).map((relay) => relay.close()));
  }
}

/** People who leave behind each test. */
export function peopleForTests(all?: PersonOptions): People {
  const people = new People(all);
  afterEach(() => people.leave());
  return people;
}

/** Both sides of a conversation that Alice begins without a message. */
export async function begun(
  alice: Person,
  bob: Person,
): Promise<{ toBob: Conversation; toAlice: Conversation }> {
  const coming = approached(bob);
  const toBob = await alice.relay.startConversation(bob.code);
  await toBob.secure();
  return { toBob, toAlice: await coming };
}

/** The next conversation that an unknown user begins with this person. */
export function approached(person: Person): Promise<Conversation> {
  return new Promise((resolve) => {
    const off = person.relay.on('conversation', ({ conversation }) => {
      off();
      resolve(conversation);
    });
  });
}

/** The next `count` messages. */
export async function take(conversation: Conversation, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of conversation) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}
