import { byId, hiddenText, icon, make } from '../../dom/dom.ts';
import { tile } from '../../dom/tile.ts';
import { listTime } from '../../dom/times.ts';
import type { Entry } from '../../kept/history.ts';
import { quotation } from '../thread/message.ts';

export interface ListedPerson {
  readonly code: string;
  readonly name: string;
  /** What the tile is drawn from. */
  readonly key: string;
  readonly last: Entry | undefined;
  readonly unread: number;
  readonly request: boolean;
  readonly trust: 'none' | 'verified' | 'changed';
  readonly draft: string;
}

export interface FoundMessage {
  readonly code: string;
  readonly name: string;
  readonly entry: Entry;
}

export interface ListOptions {
  readonly onChoose: (code: string) => void;
  readonly onFound: (code: string, id: string) => void;
  /** Messages that contain this, the newest first. */
  readonly find: (words: string) => readonly FoundMessage[];
}

/** The people this user talks to, requests first, the latest on top; and what was searched for. */
export class ConversationList {
  readonly #options: ListOptions;
  readonly #list = byId('people', HTMLElement);
  readonly #search = byId('search', HTMLInputElement);
  #people: readonly ListedPerson[] = [];
  #current: string | null = null;

  constructor(options: ListOptions) {
    this.#options = options;
    this.#search.addEventListener('input', () => this.#render());
  }

  show(people: readonly ListedPerson[], current: string | null): void {
    this.#people = people;
    this.#current = current;
    document.body.dataset.people = people.length > 0 ? 'some' : 'none';
    const unread = people.reduce((sum, person) => sum + person.unread, 0);
    showBadge(unread);
    document.title = unread > 0 ? `(${unread}) keyrelay` : 'keyrelay';
    this.#render();
  }

  focus(code: string): void {
    this.#list.querySelector<HTMLElement>(`[data-code="${code}"]`)?.focus();
  }

  #render(): void {
    // Built anew: keep the keyboard where it was.
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.code : undefined;
    const words = this.#search.value.trim();
    this.#list.replaceChildren(...(words === '' ? this.#everybody() : this.#found(words)));
    if (focused !== undefined) this.focus(focused);
  }

  #everybody(): HTMLElement[] {
    const requests = this.#people.filter(({ request }) => request);
    const others = this.#people.filter(({ request }) => !request);
    return [
      ...(requests.length > 0
        ? [
            group(
              'Requests',
              requests.map((person) => this.#item(person)),
            ),
          ]
        : []),
      ...(others.length > 0
        ? [
            group(
              requests.length > 0 ? 'Conversations' : null,
              others.map((person) => this.#item(person)),
            ),
          ]
        : []),
    ];
  }

  #found(words: string): HTMLElement[] {
    const wanted = words.toLowerCase();
    const people = this.#people.filter(({ name, code }) => `${name} ${code}`.toLowerCase().includes(wanted));
    const messages = this.#options.find(words);
    if (people.length === 0 && messages.length === 0)
      return [make('p', { class: 'nothing hint', text: 'Nothing found.' })];
    return [
      ...(people.length > 0
        ? [
            group(
              'People',
              people.map((person) => this.#item(person)),
            ),
          ]
        : []),
      ...(messages.length > 0
        ? [
            group(
              'Messages',
              messages.map((message) => this.#foundItem(message)),
            ),
          ]
        : []),
    ];
  }

  #item(person: ListedPerson): HTMLLIElement {
    const { code, name, key, last, unread, trust, draft } = person;
    const button = make('button', { class: 'person' }, tile(key));
    button.type = 'button';
    button.dataset.code = code;
    if (code === this.#current) button.setAttribute('aria-current', 'true');
    const who = make('span', { class: name === code ? 'who is-code' : 'who', text: name });
    who.dir = 'auto';
    const head = make('span', { class: 'person-head' }, who);
    if (trust !== 'none') {
      const words = trust === 'verified' ? 'compared' : 'their key has changed';
      const mark = make(
        'span',
        { class: `trust-${trust}` },
        icon(trust === 'verified' ? 'verified' : 'warning'),
      );
      head.append(mark, hiddenText(` (${words})`));
    }
    if (last !== undefined)
      head.append(make('span', { class: 'when', text: listTime(last.atMs, Date.now()) }));
    const line = make(
      'span',
      { class: 'person-line' },
      lastLine(person, draft !== '' && code !== this.#current),
    );
    if (unread > 0) {
      const words = hiddenText(unread > 1 ? ' new messages' : ' new message');
      line.append(make('span', { class: 'unread' }, String(unread), words));
    }
    button.append(make('span', { class: 'person-text' }, head, line));
    button.addEventListener('click', () => this.#options.onChoose(code));
    return make('li', {}, button);
  }

  #foundItem({ code, name, entry }: FoundMessage): HTMLLIElement {
    const button = make('button', { class: 'person' });
    button.type = 'button';
    const head = make(
      'span',
      { class: 'person-head' },
      make('span', { class: 'who', text: entry.mine ? `You to ${name}` : name }),
      make('span', { class: 'when', text: listTime(entry.atMs, Date.now()) }),
    );
    const line = make(
      'span',
      { class: 'person-line' },
      make('span', { class: 'last', text: quotation(entry) }),
    );
    button.append(make('span', { class: 'person-text' }, head, line));
    button.addEventListener('click', () => this.#options.onFound(code, entry.id));
    return make('li', {}, button);
  }
}

/** On the icon of the installed page. */
function showBadge(unread: number): void {
  // Only installed pages of some browsers have one.
  void navigator.setAppBadge?.(unread).catch(() => {});
}

function lastLine({ last, draft }: ListedPerson, showDraft: boolean): HTMLElement {
  const line = make('span', { class: 'last' });
  line.dir = 'auto';
  if (showDraft) line.append(make('span', { class: 'draft', text: 'Draft: ' }), draft.slice(0, 80));
  else if (last === undefined) line.append('Nothing said yet');
  else line.append(last.mine ? 'You: ' : '', quotation(last));
  return line;
}

function group(title: string | null, items: readonly HTMLElement[]): HTMLElement {
  const heading = title === null ? [] : [make('h2', { text: title })];
  return make('section', { class: 'people-group' }, ...heading, make('ul', {}, ...items));
}
