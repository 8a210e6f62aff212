import { byId, make } from '../../dom/dom.ts';
import type { Entry } from '../../kept/history.ts';
import { bubble, type MessageParts, messageItem } from './message.ts';

/** Messages that are added at a time, and that are in the page at most: the rest waits in the history. */
const PAGE = 100;
const SHOWN_MAX = 300;
/** So near to the end, somebody is reading the newest. */
const NEAR_END_PX = 120;
/** So near to the first or last message in the page, more are added. */
const MORE_PX = 800;

export interface ThreadOptions extends MessageParts {
  /** Messages of the open conversation, oldest first: always the present ones. */
  readonly entries: () => readonly Entry[];
  /** These new messages of theirs are on the screen. */
  readonly onSeen: (entry: Entry) => void;
  /** What an empty conversation shows. */
  readonly empty: () => Node;
}

/** The messages of the open conversation: a window of some hundred, which moves as one scrolls. */
export class Thread {
  readonly #options: ThreadOptions;
  readonly #list = byId('messages', HTMLDivElement);
  readonly #toNewest = byId('to-newest', HTMLButtonElement);
  readonly #toNewestText = byId('to-newest-text', HTMLElement);
  /** The element of each message in the page, by id. */
  readonly #shown = new Map<string, HTMLDivElement>();
  readonly #seen: IntersectionObserver;
  /** The page has the messages from `#from` to before `#to`. */
  #from = 0;
  #to = 0;
  /** Id of the first message that was new when the conversation was opened. */
  #firstNew: string | null = null;
  #latestMine: HTMLElement | null = null;
  #busy = false;
  readonly #moved = new Set<string>();
  #atEnd = true;

  constructor(options: ThreadOptions) {
    this.#options = options;
    // It scrolls, so the keyboard must be able to reach it.
    this.#list.tabIndex = 0;
    this.#seen = new IntersectionObserver((changes) => this.#onScreen(changes), {
      root: this.#list,
      threshold: [0, 0.25, 0.5, 0.75, 1],
    });
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // A banner, a keyboard or a turned phone takes room: the newest message stays in sight.
    new ResizeObserver(() => {
      if (this.#atEnd) this.#scrollToEnd();
    }).observe(this.#list);
    this.#toNewest.addEventListener('click', () => {
      this.#showEnd();
      this.#list.focus({ preventScroll: true });
    });
    // Nothing is seen while the page is hidden.
    document.addEventListener('visibilitychange', () => this.#watchAgain());
  }

  /** A conversation, at the first new message, or else at the end. */
  open(): void {
    const entries = this.#options.entries();
    const firstNew = entries.findIndex(({ mark }) => mark === 'new');
    this.#firstNew = entries[firstNew]?.id ?? null;
    if (firstNew < 0) this.#showEnd();
    else this.#showAround(firstNew);
  }

  /** Messages were added at the end of the history. */
  added(): void {
    const entries = this.#options.entries();
    const follows = this.#atEnd || entries.at(-1)?.mine === true;
    const wasAtNewest = this.#shown.size === 0 || entries[this.#to - 1]?.id === this.#lastShownId();
    if (follows && (entries.length - this.#to > SHOWN_MAX || !wasAtNewest)) {
      this.#showEnd();
      return;
    }
    if (follows || this.#to - this.#from < SHOWN_MAX) {
      if (this.#shown.size === 0) this.#list.replaceChildren();
      this.#append(Math.min(entries.length, this.#to + PAGE * 3));
      if (follows) {
        this.#trimTop();
        this.#scrollToEnd();
      }
    }
    this.#showWayDown();
  }

  /** A message has changed. */
  update(entry: Entry): void {
    const item = this.#shown.get(entry.id);
    const old = item?.querySelector('.message');
    if (item === undefined || !old) return;
    const made = bubble(entry, this.#options);
    old.replaceWith(made);
    if (entry.mark === 'seen') this.#seen.unobserve(item);
    this.#markLatest();
  }

  renamed(id: string, entry: Entry): void {
    const item = this.#shown.get(id);
    if (item === undefined) return;
    this.#shown.delete(id);
    this.#shown.set(entry.id, item);
    item.dataset.id = entry.id;
    this.update(entry);
  }

  /** This file has moved on: its card is drawn again, once for each frame of the screen. */
  fileMoved(file: string): void {
    if (this.#moved.size === 0) requestAnimationFrame(() => this.#drawMoved());
    this.#moved.add(file);
  }

  #drawMoved(): void {
    for (const entry of this.#options.entries().slice(this.#from, this.#to)) {
      if (entry.file === undefined || !this.#moved.has(entry.file.id)) continue;
      const card = this.#shown.get(entry.id)?.querySelector('.file');
      const made = this.#options.file(entry);
      if (card && made !== null) card.replaceWith(made);
    }
    this.#moved.clear();
  }

  removed(id: string): void {
    const item = this.#shown.get(id);
    if (item === undefined) return;
    item.remove();
    this.#shown.delete(id);
    this.#to -= 1;
    if (this.#shown.size === 0) this.#showEnd();
    this.#markLatest();
  }

  /** A message somewhere in the history, such as one that was searched for. */
  showMessage(id: string): void {
    const index = this.#options.entries().findIndex((entry) => entry.id === id);
    if (index < 0) return;
    if (!this.#shown.has(id)) this.#showAround(index);
    const item = this.#shown.get(id);
    item?.scrollIntoView({ block: 'center' });
    item?.classList.remove('found');
    requestAnimationFrame(() => item?.classList.add('found'));
  }

  get #isNearEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #lastShownId(): string | undefined {
    const last = this.#list.lastElementChild;
    return last instanceof HTMLElement ? last.dataset.id : undefined;
  }

  #showEnd(): void {
    const { length } = this.#options.entries();
    this.#show(Math.max(0, length - PAGE), length);
    this.#scrollToEnd();
    this.#showWayDown();
  }

  #showAround(index: number): void {
    const { length } = this.#options.entries();
    this.#show(Math.max(0, index - PAGE / 2), Math.min(length, index + PAGE));
    const item = this.#shown.get(this.#options.entries()[index]?.id ?? '');
    this.#atEnd = false;
    // The line of what is new stands near the top, below a message that is known.
    if (item !== undefined) this.#list.scrollTop = item.offsetTop - this.#list.clientHeight / 4;
    this.#showWayDown();
  }

  #show(from: number, to: number): void {
    this.#seen.disconnect();
    this.#shown.clear();
    this.#list.replaceChildren();
    this.#from = from;
    this.#to = from;
    if (to === 0) this.#list.append(this.#options.empty());
    else this.#append(to);
    this.#markLatest();
  }

  #append(to: number): void {
    const items = this.#items(this.#to, to);
    this.#to = Math.max(this.#to, to);
    this.#list.append(...items);
    this.#markLatest();
  }

  #items(from: number, to: number): HTMLDivElement[] {
    const entries = this.#options.entries();
    const items: HTMLDivElement[] = [];
    for (let index = from; index < to; index++) {
      const entry = entries[index];
      if (entry === undefined) continue;
      const item = messageItem(entry, entries[index - 1], entry.id === this.#firstNew, this.#options);
      items.push(item);
      this.#shown.set(entry.id, item);
      if (entry.mark === 'new') this.#seen.observe(item);
    }
    return items;
  }

  #scrolled(): void {
    if (this.#busy) return;
    this.#atEnd = this.#isNearEnd;
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    if (scrollTop < MORE_PX && this.#from > 0) this.#loadOlder();
    else if (scrollHeight - scrollTop - clientHeight < MORE_PX && this.#to < this.#options.entries().length)
      this.#loadNewer();
    this.#showWayDown();
  }

  #loadOlder(): void {
    this.#keepPlace(() => {
      const from = Math.max(0, this.#from - PAGE);
      const items = this.#items(from, this.#from);
      this.#from = from;
      this.#list.prepend(...items);
      while (this.#to - this.#from > SHOWN_MAX) this.#drop(this.#list.lastElementChild, 'newest');
    });
  }

  #loadNewer(): void {
    this.#keepPlace(() => {
      this.#append(Math.min(this.#options.entries().length, this.#to + PAGE));
      this.#trimTop();
    });
  }

  #trimTop(): void {
    while (this.#to - this.#from > SHOWN_MAX) this.#drop(this.#list.firstElementChild, 'oldest');
  }

  #drop(item: Element | null, end: 'oldest' | 'newest'): void {
    if (end === 'oldest') this.#from += 1;
    else this.#to -= 1;
    if (!(item instanceof HTMLElement)) return;
    this.#seen.unobserve(item);
    this.#shown.delete(item.dataset.id ?? '');
    item.remove();
  }

  /** What is in the middle of the screen stays there, whatever comes and goes above it. */
  #keepPlace(change: () => void): void {
    this.#busy = true;
    const { top, height, left, width } = this.#list.getBoundingClientRect();
    const middle = document.elementFromPoint(left + width / 2, top + height / 2)?.closest('.item');
    const before = middle?.getBoundingClientRect().top ?? 0;
    change();
    if (middle?.isConnected) this.#list.scrollTop += middle.getBoundingClientRect().top - before;
    this.#busy = false;
  }

  #scrollToEnd(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#atEnd = true;
  }

  #showWayDown(): void {
    const entries = this.#options.entries();
    this.#toNewest.hidden = this.#isNearEnd && this.#to >= entries.length;
    if (this.#toNewest.hidden) return;
    let fresh = 0;
    for (let index = entries.length - 1; entries[index]?.mark === 'new' || entries[index]?.mine; index--)
      if (entries[index]?.mark === 'new') fresh += 1;
    this.#toNewestText.textContent = fresh > 0 ? `${fresh} new` : 'Newest';
  }

  #onScreen(changes: readonly IntersectionObserverEntry[]): void {
    if (document.visibilityState !== 'visible') return;
    const entries = this.#options.entries();
    let newest = -1;
    for (const { target, isIntersecting, intersectionRatio, intersectionRect, rootBounds } of changes) {
      // Half of it, or half a screen full of it.
      const enough = intersectionRatio >= 0.5 || intersectionRect.height >= (rootBounds?.height ?? 0) / 2;
      if (!isIntersecting || !enough || !(target instanceof HTMLElement)) continue;
      const { id } = target.dataset;
      newest = Math.max(
        newest,
        entries.findLastIndex((entry) => entry.id === id),
      );
    }
    const entry = entries[newest];
    if (entry !== undefined) this.#options.onSeen(entry);
    this.#showWayDown();
  }

  /** Asks the observer for everything again. */
  #watchAgain(): void {
    this.#seen.disconnect();
    const entries = this.#options.entries();
    for (let index = this.#from; index < this.#to; index++) {
      const entry = entries[index];
      const item = entry === undefined ? undefined : this.#shown.get(entry.id);
      if (item !== undefined && entry?.mark === 'new') this.#seen.observe(item);
    }
  }

  /** The newest message of ours says in words how far it is. */
  #markLatest(): void {
    this.#latestMine?.classList.remove('latest');
    const mine = this.#list.querySelectorAll<HTMLElement>('.message.mine');
    this.#latestMine = mine.item(mine.length - 1);
    this.#latestMine?.classList.add('latest');
  }
}

/** What stands in a conversation in which nothing was said. */
export function emptyThread(lines: readonly string[], action: HTMLElement | null): HTMLElement {
  return make(
    'div',
    { class: 'beginning' },
    ...lines.map((text) => make('p', { text })),
    ...(action === null ? [] : [action]),
  );
}
