import { byId, hiddenText, icon, make } from './dom.ts';
import type { Entry } from './history.ts';

const WORDS: Readonly<Record<Entry['mark'], string>> = {
  waiting: 'waiting',
  stored: 'stored by the relay',
  delivered: 'delivered',
  read: 'read',
  failed: 'not delivered',
  new: '',
  seen: '',
};
/** Messages shown at once; older ones stay in the history. */
const SHOWN_MAX = 400;
/** So near to the end, somebody is reading the newest. */
const NEAR_END_PX = 120;

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** The messages of the open conversation. */
export class Thread {
  readonly #list = byId('messages', HTMLDivElement);
  /** The element of each message, by id. */
  readonly #shown = new Map<string, HTMLDivElement>();
  #last: Entry | null = null;

  constructor() {
    // It scrolls, so the keyboard must be able to reach it.
    this.#list.tabIndex = 0;
  }

  /** Another conversation, from its beginning. */
  open(entries: readonly Entry[]): void {
    this.#list.replaceChildren();
    this.#shown.clear();
    this.#last = null;
    for (const entry of entries.slice(-SHOWN_MAX)) this.#append(entry);
    this.#toEnd();
  }

  add(entry: Entry): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    const follows = entry.mine || scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.#append(entry);
    if (follows) this.#toEnd();
  }

  /** A mark has changed. */
  update(entry: Entry): void {
    const shown = this.#shown.get(entry.id);
    if (shown === undefined) return;
    shown.querySelector('.about')?.replaceWith(about(entry));
    shown.classList.toggle('failed', entry.mark === 'failed');
  }

  /** Something to know that nobody wrote. */
  note(text: string): void {
    this.#list.append(make('div', { class: 'note', text }));
    this.#last = null;
    this.#toEnd();
  }

  #append(entry: Entry): void {
    const date = day.format(entry.atMs);
    if (this.#last === null || day.format(this.#last.atMs) !== date) {
      if (!this.#list.lastElementChild?.classList.contains('note') || this.#shown.size === 0)
        this.#list.append(make('div', { class: 'day', text: date }));
    }
    const item = make('div', { class: `message ${entry.mine ? 'mine' : 'theirs'}` });
    item.classList.toggle('turn', this.#last !== null && this.#last.mine !== entry.mine);
    item.classList.toggle('failed', entry.mark === 'failed');
    item.append(hiddenText(entry.mine ? 'You: ' : 'They: '), entry.text, about(entry));
    this.#list.append(item);
    this.#shown.set(entry.id, item);
    this.#last = entry;
  }

  #toEnd(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function about(entry: Entry): HTMLSpanElement {
  const span = make('span', { class: 'about' }, make('time', { text: time.format(entry.atMs) }));
  if (!entry.mine) return span;
  span.dataset.mark = entry.mark;
  span.title = WORDS[entry.mark];
  span.append(icon(entry.mark), hiddenText(WORDS[entry.mark]));
  return span;
}
