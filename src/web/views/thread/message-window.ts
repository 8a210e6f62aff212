import type { Entry } from '../../kept/history.ts';
import { bubble, type MessageParts, messageItem } from './message.ts';
import type { SeenObserver } from './seen-observer.ts';

/** Messages that are in the page at most: the rest waits in the history. */
export const SHOWN_MAX = 300;

export interface MessageWindowOptions extends MessageParts {
  /** Messages of the open conversation, oldest first: always the present ones. */
  readonly entries: () => readonly Entry[];
  /** What an empty conversation shows. */
  readonly empty: () => Node;
}

/** The messages of the history that are in the page: from `from` to before `to`, each an element of the list. */
export class MessageWindow {
  readonly #options: MessageWindowOptions;
  readonly #list: HTMLElement;
  readonly #seen: SeenObserver;
  readonly #shown = new Map<string, HTMLDivElement>();
  readonly #movedFiles = new Set<string>();
  #from = 0;
  #to = 0;
  #latestMine: HTMLElement | null = null;
  /** Id of the message above which the line of what is new stands. */
  firstNew: string | null = null;

  constructor(list: HTMLElement, seen: SeenObserver, options: MessageWindowOptions) {
    this.#list = list;
    this.#seen = seen;
    this.#options = options;
  }

  get from(): number {
    return this.#from;
  }

  get to(): number {
    return this.#to;
  }

  get isEmpty(): boolean {
    return this.#shown.size === 0;
  }

  /** Whether the last message in the page is where it was in the history: nothing before it was removed. */
  get isInStep(): boolean {
    const last = this.#list.lastElementChild;
    const lastId = last instanceof HTMLElement ? last.dataset.id : undefined;
    return this.#options.entries()[this.#to - 1]?.id === lastId;
  }

  /** The element of each message in the page, by id. */
  get shown(): ReadonlyMap<string, HTMLDivElement> {
    return this.#shown;
  }

  /** These messages instead of any others. */
  show(from: number, to: number): void {
    this.#seen.forgetAll();
    this.#shown.clear();
    this.#list.replaceChildren();
    this.#from = from;
    this.#to = from;
    if (to === 0) this.#list.append(this.#options.empty());
    else this.append(to);
    this.#markLatest();
  }

  /** Those before `to` too; `trim` afterwards. */
  append(to: number): void {
    if (this.isEmpty) this.#list.replaceChildren();
    const items = this.#items(this.#to, to);
    this.#to = Math.max(this.#to, to);
    this.#list.append(...items);
    this.#markLatest();
  }

  /** Those since `from` too; `trim` afterwards. */
  prepend(from: number): void {
    const items = this.#items(from, this.#from);
    this.#from = from;
    this.#list.prepend(...items);
  }

  /** Takes what is too much from this end of the page. */
  trim(end: 'oldest' | 'newest'): void {
    while (this.#to - this.#from > SHOWN_MAX) {
      if (end === 'oldest') this.#from += 1;
      else this.#to -= 1;
      const item = end === 'oldest' ? this.#list.firstElementChild : this.#list.lastElementChild;
      if (!(item instanceof HTMLElement)) continue;
      this.#seen.forget(item);
      this.#shown.delete(item.dataset.id ?? '');
      item.remove();
    }
  }

  /** A message has changed. */
  update(entry: Entry): void {
    const item = this.#shown.get(entry.id);
    const old = item?.querySelector('.message');
    if (item === undefined || !old) return;
    old.replaceWith(bubble(entry, this.#options));
    this.#markLatest();
  }

  /** A message has another id now. */
  renamed(id: string, entry: Entry): void {
    const item = this.#shown.get(id);
    if (item === undefined) return;
    this.#shown.delete(id);
    this.#shown.set(entry.id, item);
    item.dataset.id = entry.id;
    this.update(entry);
  }

  removed(id: string): void {
    const item = this.#shown.get(id);
    if (item === undefined) return;
    this.#seen.forget(item);
    item.remove();
    this.#shown.delete(id);
    this.#to -= 1;
    this.#markLatest();
  }

  /** This file has moved on: its card is drawn again, once for each frame of the screen. */
  fileMoved(file: string): void {
    if (this.#movedFiles.size === 0) requestAnimationFrame(() => this.#drawMovedFiles());
    this.#movedFiles.add(file);
  }

  #drawMovedFiles(): void {
    for (const entry of this.#options.entries().slice(this.#from, this.#to)) {
      if (entry.file === undefined || !this.#movedFiles.has(entry.file.id)) continue;
      const card = this.#shown.get(entry.id)?.querySelector('.file');
      const made = this.#options.file(entry);
      if (card && made !== null) card.replaceWith(made);
    }
    this.#movedFiles.clear();
  }

  #items(from: number, to: number): HTMLDivElement[] {
    const entries = this.#options.entries();
    return entries.slice(from, to).map((entry, place) => {
      const before = entries[from + place - 1];
      const item = messageItem(entry, before, entry.id === this.firstNew, this.#options);
      this.#shown.set(entry.id, item);
      if (entry.mark === 'new') this.#seen.watch(item);
      return item;
    });
  }

  /** The newest message of ours says in words how far it is. */
  #markLatest(): void {
    this.#latestMine?.classList.remove('latest');
    const mine = this.#list.querySelectorAll<HTMLElement>('.message.mine');
    this.#latestMine = mine.item(mine.length - 1);
    this.#latestMine?.classList.add('latest');
  }
}
