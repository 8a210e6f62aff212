import { byId } from '../../dom/dom.ts';
import { qrPicture } from '../../dom/qr.ts';
import { Sheet } from '../../dom/sheet.ts';

const COPIED_MS = 1_600;

/** This user's code: to read, to copy, and as a QR code that opens this page with the code filled in. */
export class OwnCode {
  readonly #sheet = new Sheet('qr-large');
  #code: string | null = null;
  #link = '';

  constructor() {
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]'))
      button.addEventListener('click', () => {
        void this.#copy(button, button.dataset.copy === 'link' ? this.#link : (this.#code ?? ''));
      });
    for (const button of document.querySelectorAll('[data-show-qr]'))
      button.addEventListener('click', () => this.#sheet.open());
  }

  show(code: string, link: string): void {
    if (this.#code === code) return;
    this.#code = code;
    this.#link = link;
    for (const id of ['code', 'row-code', 'qr-large-code']) byId(id, HTMLElement).textContent = code;
    for (const id of ['qr', 'qr-large-picture']) byId(id, HTMLElement).replaceChildren(qrPicture(link));
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy], [data-show-qr]'))
      button.disabled = false;
  }

  async #copy(button: HTMLButtonElement, text: string): Promise<void> {
    const before = [...button.childNodes];
    try {
      // Only pages of secure origins have a clipboard.
      await navigator.clipboard.writeText(text);
      button.replaceChildren('Copied');
    } catch {
      button.replaceChildren('Select it by hand');
    }
    setTimeout(() => button.replaceChildren(...before), COPIED_MS);
  }
}
