import { byId } from '../../dom/dom.ts';
import { drafts } from '../../kept/drafts.ts';
import type { Entry } from '../../kept/history.ts';
import { quotation } from './message.ts';

export interface ComposerOptions {
  readonly onSend: (text: string, replyTo: string | null) => void;
  /** A key was pressed. */
  readonly onTyping: () => void;
  /** In how many messages a text goes. */
  readonly partsOf: (text: string) => number;
}

/** Where one writes. Each conversation has a draft of its own. */
export class Composer {
  readonly #options: ComposerOptions;
  readonly #form = byId('compose', HTMLFormElement);
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #hint = byId('compose-hint', HTMLElement);
  readonly #reply = byId('reply', HTMLElement);
  #code: string | null = null;
  #replyTo: string | null = null;

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener('keydown', (event) => {
      // An input method uses Enter to choose a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener('input', () => {
      this.#written();
      options.onTyping();
    });
    byId('reply-end', HTMLButtonElement).addEventListener('click', () => {
      this.reply(null);
      this.focus();
    });
  }

  /** Goes to another conversation; the draft of the last one stays with it. */
  open(code: string): void {
    if (this.#code === code) return;
    this.#code = code;
    this.#text.value = drafts.of(code);
    this.reply(null);
    this.#written();
  }

  /** Whether one may write now; hidden where there is nothing to write to. */
  allow(how: 'yes' | 'not now' | 'never'): void {
    this.#form.hidden = how === 'never';
    this.#text.disabled = how !== 'yes';
    for (const id of ['send', 'attach']) byId(id, HTMLButtonElement).disabled = how !== 'yes';
  }

  reply(entry: Entry | null): void {
    this.#replyTo = entry?.id ?? null;
    this.#reply.hidden = entry === null;
    byId('reply-text', HTMLElement).textContent = entry === null ? '' : quotation(entry);
    if (entry !== null) this.focus();
  }

  focus(): void {
    // On a phone the keyboard would cover what one came to read.
    if (matchMedia('(pointer: fine)').matches) this.#text.focus();
  }

  #written(): void {
    if (this.#code !== null) drafts.keep(this.#code, this.#text.value);
    const parts = this.#options.partsOf(this.#text.value);
    this.#hint.textContent = parts > 1 ? `Too long for one message: it goes as ${parts}.` : '';
  }

  #send(): void {
    const text = this.#text.value.trim();
    if (text === '' || this.#text.disabled) return;
    const replyTo = this.#replyTo;
    this.#text.value = '';
    this.#written();
    this.reply(null);
    this.#text.focus();
    this.#options.onSend(text, replyTo);
  }
}
