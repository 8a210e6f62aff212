import { byId } from '../../dom/dom.ts';
import type { Entry } from '../../kept/history.ts';
import { MessageWindow, type MessageWindowOptions, SHOWN_MAX } from './message-window.ts';
import { SeenObserver } from './seen-observer.ts';
import { WayDown } from './way-down.ts';

/** Messages that are added at a time. */
const PAGE = 100;
/** So near to the end, somebody is reading the newest. */
const NEAR_END_PX = 120;
/** So near to the first or last message in the page, more are added. */
const MORE_PX = 800;

export interface ThreadOptions extends MessageWindowOptions {
  /** This new message of theirs, and all before it, are or were on the screen. */
  readonly onSeen: (entry: Entry) => void;
}

/** The messages of the open conversation: which of them are in the page, and where it is scrolled to. */
export class Thread {
  readonly window: MessageWindow;
  readonly #entries: () => readonly Entry[];
  readonly #list = byId('messages', HTMLDivElement);
  readonly #wayDown: WayDown;
  #busy = false;
  #atEnd = true;

  constructor(options: ThreadOptions) {
    this.#entries = options.entries;
    // It scrolls, so the keyboard must be able to reach it.
    this.#list.tabIndex = 0;
    const seen = new SeenObserver(this.#list, (ids) => this.#onScreen(ids, options.onSeen));
    this.window = new MessageWindow(this.#list, seen, options);
    this.#wayDown = new WayDown(() => {
      this.#showEnd();
      this.#list.focus({ preventScroll: true });
    });
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // A banner, a keyboard or a turned phone takes room: the newest message stays in sight.
    new ResizeObserver(() => {
      if (this.#atEnd) this.#scrollToEnd();
    }).observe(this.#list);
  }

  /** A conversation, at the first new message, or else at the end. */
  open(): void {
    const entries = this.#entries();
    const firstNew = entries.findIndex(({ mark }) => mark === 'new');
    this.window.firstNew = entries[firstNew]?.id ?? null;
    if (firstNew < 0) this.#showEnd();
    else this.#showAround(firstNew);
  }

  /** Messages were added at the end of the history. */
  added(): void {
    const entries = this.#entries();
    const follows = this.#atEnd || entries.at(-1)?.mine === true;
    const { from, to, isEmpty, isInStep } = this.window;
    if (follows && (entries.length - to > SHOWN_MAX || !(isEmpty || isInStep))) {
      this.#showEnd();
      return;
    }
    if (follows || to - from < SHOWN_MAX) this.window.append(Math.min(entries.length, to + PAGE * 3));
    if (follows) {
      this.window.trim('oldest');
      this.#scrollToEnd();
    }
    this.#showWayDown();
  }

  removed(id: string): void {
    this.window.removed(id);
    if (this.window.isEmpty) this.#showEnd();
  }

  /** A message somewhere in the history, such as one that was searched for. */
  showMessage(id: string): void {
    const index = this.#entries().findIndex((entry) => entry.id === id);
    if (index < 0) return;
    if (this.window.shown.get(id) === undefined) this.#showAround(index);
    const item = this.window.shown.get(id);
    item?.scrollIntoView({ block: 'center' });
    item?.classList.remove('found');
    requestAnimationFrame(() => item?.classList.add('found'));
  }

  #showEnd(): void {
    const { length } = this.#entries();
    this.window.show(Math.max(0, length - PAGE), length);
    this.#scrollToEnd();
    this.#showWayDown();
  }

  #showAround(index: number): void {
    const entries = this.#entries();
    this.window.show(Math.max(0, index - PAGE / 2), Math.min(entries.length, index + PAGE));
    const item = this.window.shown.get(entries[index]?.id ?? '');
    // The line of what is new stands near the top, below a message that is known.
    if (item !== undefined) this.#list.scrollTop = item.offsetTop - this.#list.clientHeight / 4;
    // Where all of it fits on the screen nothing scrolls, and no event tells.
    this.#atEnd = this.#showsEnd;
    this.#showWayDown();
  }

  get #pxToEnd(): number {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    return scrollHeight - scrollTop - clientHeight;
  }

  /** The newest message is in the page, and on the screen or nearly. */
  get #showsEnd(): boolean {
    return this.window.to >= this.#entries().length && this.#pxToEnd < NEAR_END_PX;
  }

  #scrolled(): void {
    if (this.#busy) return;
    this.#atEnd = this.#pxToEnd < NEAR_END_PX;
    const { from, to } = this.window;
    const { length } = this.#entries();
    if (this.#list.scrollTop < MORE_PX && from > 0)
      this.#keepPlace(() => {
        this.window.prepend(Math.max(0, from - PAGE));
        this.window.trim('newest');
      });
    else if (this.#pxToEnd < MORE_PX && to < length)
      this.#keepPlace(() => {
        this.window.append(Math.min(length, to + PAGE));
        this.window.trim('oldest');
      });
    this.#showWayDown();
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
    this.#wayDown.show(!this.#showsEnd, this.#entries());
  }

  #onScreen(ids: readonly string[], onSeen: (entry: Entry) => void): void {
    const entries = this.#entries();
    const newest = Math.max(-1, ...ids.map((id) => entries.findLastIndex((entry) => entry.id === id)));
    const entry = entries[newest];
    if (entry !== undefined) onSeen(entry);
    this.#showWayDown();
  }
}
