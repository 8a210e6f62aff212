import { durationWords } from '../../../client/index.ts';
import type { Entry, History } from '../../kept/history.ts';

const LOOK_EVERY_MS = 1_000;

/** Deletes messages whose time is over, of all conversations; also those whose time ended while the page was closed. */
export class Expiry {
  readonly #history: History;
  readonly #onGone: (code: string, entries: readonly Entry[]) => void;

  constructor(history: History, onGone: (code: string, entries: readonly Entry[]) => void) {
    this.#history = history;
    this.#onGone = onGone;
    // Nothing of them is shown, not even for a moment.
    this.look();
    setInterval(() => this.look(), LOOK_EVERY_MS);
    // A hidden page looks more rarely.
    document.addEventListener('visibilitychange', () => this.look());
  }

  look(): void {
    for (const [code, entries] of this.#history.expired(Date.now())) {
      for (const { id } of entries) this.#history.remove(code, id);
      this.#onGone(code, entries);
    }
  }
}

/** What stands in the conversation where somebody has set a timer. */
export function timerNote(seconds: number, by: 'you' | 'them'): string {
  const who = by === 'you' ? 'You let' : 'They let';
  return seconds === 0
    ? `${who} messages stay from here on.`
    : `${who} messages disappear ${durationWords(seconds)} after they are read.`;
}
