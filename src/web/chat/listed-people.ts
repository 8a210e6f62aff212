import { drafts } from '../kept/drafts.ts';
import type { History } from '../kept/history.ts';
import type { FoundMessage, ListedPerson } from '../views/people/conversation-list.ts';
import type { PageState } from './page-state.ts';
import { trustOf } from './trust.ts';

/** Found messages that are listed. */
const FOUND_MAX = 50;

/** What the list of conversations shows, and what a search finds. */
export class ListedPeople {
  readonly #state: PageState;
  readonly #history: History;

  constructor(state: PageState, history: History) {
    this.#state = state;
    this.#history = history;
  }

  /** Codes of the SDK's conversations, and of those that only the history has. */
  get codes(): string[] {
    const { talks, people } = this.#state;
    const codes = new Set([...(talks?.conversations.keys() ?? []), ...people.codes, ...this.#history.codes]);
    return [...codes].filter((code) => people.get(code)?.hidden !== true);
  }

  /** The latest first. */
  get listed(): ListedPerson[] {
    const { talks, people, code: open } = this.#state;
    const listed = this.codes
      .filter((code) => people.standing(code) !== 'blocked' || code === open)
      .map((code) => {
        const person = people.get(code);
        return {
          code,
          name: people.nameOf(code),
          key: person?.key ?? code,
          last: this.#history.of(code).at(-1),
          unread: this.#history.unread(code),
          request: person?.standing === 'request',
          trust: trustOf(talks?.conversations.get(code), person),
          draft: drafts.of(code),
        };
      });
    const latestMs = ({ last }: ListedPerson) => last?.cameMs ?? last?.atMs ?? Number.MAX_SAFE_INTEGER;
    return listed.sort((left, right) => latestMs(right) - latestMs(left));
  }

  find(words: string): FoundMessage[] {
    const wanted = words.toLowerCase();
    const found = this.codes.flatMap((code) =>
      this.#history
        .of(code)
        .filter(({ text, note }) => note !== true && text.toLowerCase().includes(wanted))
        .slice(-FOUND_MAX)
        .map((entry) => ({ code, name: this.#state.people.nameOf(code), entry })),
    );
    return found.sort((left, right) => right.entry.atMs - left.entry.atMs).slice(0, FOUND_MAX);
  }
}
