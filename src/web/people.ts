import { byId, hiddenText, make } from './dom.ts';
import type { History } from './history.ts';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** The list of conversations, the latest first. */
export class People {
  readonly #section = byId('people', HTMLElement);
  readonly #list = byId('people-list', HTMLUListElement);
  readonly #history: History;
  readonly #onChoose: (code: string) => void;

  constructor(history: History, onChoose: (code: string) => void) {
    this.#history = history;
    this.#onChoose = onChoose;
  }

  show(codes: readonly string[], current: string | null): void {
    document.body.dataset.people = codes.length > 0 ? 'some' : 'none';
    this.#section.hidden = codes.length === 0;
    const latest = (code: string) => this.#history.of(code).at(-1)?.atMs ?? Number.MAX_SAFE_INTEGER;
    const sorted = [...codes].sort((left, right) => latest(right) - latest(left));
    // Built anew: keep the keyboard where it was.
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.code : undefined;
    this.#list.replaceChildren(...sorted.map((code) => this.#item(code, code === current)));
    if (focused !== undefined) this.focus(focused);
    const unread = codes.reduce((sum, code) => sum + this.#history.unread(code), 0);
    document.title = unread > 0 ? `(${unread}) keyrelay` : 'keyrelay';
  }

  focus(code: string): void {
    this.#list.querySelector<HTMLElement>(`[data-code="${code}"]`)?.focus();
  }

  #item(code: string, current: boolean): HTMLLIElement {
    const last = this.#history.of(code).at(-1);
    const unread = this.#history.unread(code);
    const button = make('button', { class: 'person' });
    button.type = 'button';
    button.dataset.code = code;
    if (current) button.setAttribute('aria-current', 'true');
    button.append(
      make('span', { class: 'who', text: code }),
      make('span', { class: 'when', text: last === undefined ? '' : time.format(last.atMs) }),
      make('span', { class: 'last', text: last === undefined ? 'nothing said yet' : last.text }),
    );
    if (unread > 0) {
      button.append(
        make(
          'span',
          { class: 'unread' },
          String(unread),
          hiddenText(unread > 1 ? ' new messages' : ' new message'),
        ),
      );
    }
    button.addEventListener('click', () => this.#onChoose(code));
    return make('li', {}, button);
  }
}
