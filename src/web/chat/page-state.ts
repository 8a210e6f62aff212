import { type ConnectionState, type Conversation, durationWords } from '../../client/index.ts';
import type { People, Person, Standing } from '../kept/people.ts';
import type { Situation } from './status.ts';
import type { Talks } from './talks/talks.ts';
import { type TrustState, trustOf } from './trust.ts';

/** They count as typing for so long after the last word of it. */
const TYPING_MS = 8_000;

/** What holds now, for the page as a whole and for the open conversation: its parts read it here. */
export class PageState {
  readonly people: People;
  /** Null until the SDK is there. */
  talks: Talks | null = null;
  storageBroken = false;
  /** Code of the open conversation. */
  code: string | null = null;
  /** Until when each types, by code. */
  readonly typingUntilMs = new Map<string, number>();
  #connection: Situation['connection'] = { state: 'connecting' };
  #retryAtMs = 0;

  constructor(people: People) {
    this.people = people;
  }

  get connection(): Situation['connection'] {
    return this.#connection;
  }

  connected(state: ConnectionState): void {
    this.#connection = state;
    if (state.state === 'offline') this.#retryAtMs = Date.now() + state.retryInMs;
  }

  /** Another tab has the connection: what is here can be read. */
  elsewhere(takeOver: () => void): void {
    this.#connection = { state: 'elsewhere', takeOver };
  }

  /** Resolves when they no longer count as typing, unless they go on. */
  async typed(code: string): Promise<void> {
    this.typingUntilMs.set(code, Date.now() + TYPING_MS);
    await new Promise((resolve) => setTimeout(resolve, TYPING_MS));
  }

  get conversation(): Conversation | undefined {
    return this.code === null ? undefined : this.talks?.conversations.get(this.code);
  }

  get person(): Person | undefined {
    return this.people.get(this.code ?? '');
  }

  get standing(): Standing {
    return this.people.standing(this.code ?? '');
  }

  get trust(): TrustState {
    return trustOf(this.conversation, this.person);
  }

  get mayWrite(): boolean {
    return (
      this.conversation !== undefined &&
      this.standing === 'friend' &&
      this.#connection.state !== 'ended' &&
      this.#connection.state !== 'elsewhere' &&
      this.trust !== 'changed'
    );
  }

  /** How the open conversation is protected, in a line. */
  get words(): string {
    const { conversation, trust } = this;
    if (conversation === undefined) return '';
    if (trust === 'changed') return 'The key has changed';
    if ((this.typingUntilMs.get(conversation.code) ?? 0) > Date.now()) return 'Typing…';
    if (!conversation.secured) return 'Waiting for their key: what you write is sent as soon as it is here';
    const { timerS } = conversation;
    const lasts = timerS === 0 ? '' : ` · disappears after ${durationWords(timerS)}`;
    return `${trust === 'verified' ? 'Encrypted, and compared' : 'Encrypted end to end'}${lasts}`;
  }

  get situation(): Situation {
    const { code, people, talks } = this;
    return {
      connection: this.#connection,
      retryAtMs: this.#retryAtMs,
      nowMs: Date.now(),
      storageBroken: this.storageBroken,
      open:
        code === null
          ? null
          : {
              name: people.nameOf(code),
              trust: this.trust,
              standing: this.standing,
              wasVerified: this.person?.verified !== undefined,
              full: talks?.isFull(code) ?? false,
              downgraded: talks?.downgraded.has(code) ?? false,
            },
    };
  }
}
