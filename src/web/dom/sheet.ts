import { byId } from './dom.ts';

/** A dialog that can always be closed: by its button, by Escape, by a click beside it. */
export class Sheet {
  readonly #dialog: HTMLDialogElement;

  constructor(id: string) {
    this.#dialog = byId(id, HTMLDialogElement);
    this.#dialog.tabIndex = -1;
    for (const button of this.#dialog.querySelectorAll<HTMLButtonElement>('[data-close]'))
      button.addEventListener('click', () => this.close());
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.close();
    });
  }

  get isOpen(): boolean {
    return this.#dialog.open;
  }

  open(): void {
    if (this.#dialog.open) return;
    this.#dialog.showModal();
    // Its first button may stand far below: reading begins at the top.
    this.#dialog.focus();
    this.#dialog.scrollTop = 0;
  }

  close(): void {
    this.#dialog.close();
  }

  onClose(listener: () => void): void {
    this.#dialog.addEventListener('close', listener);
  }
}
