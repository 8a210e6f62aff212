import { byId } from '../../dom/dom.ts';
import { qrPicture } from '../../dom/qr.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';

const COPIED_MS = 1_600;

/** This user's code: to read, to copy, and as a QR code that opens this page with the code filled in. */
export class OwnCode {
  readonly #sheet = sheet('qr-large');
  #code: string | null = null;
  #link = '';

  constructor() {
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
      // Taken now: a second press finds another label on it.
      const label = [...button.childNodes];
      button.addEventListener('click', () => {
        const text = button.dataset.copy === 'link' ? this.#link : (this.#code ?? '');
        void copy(text).then((words) => {
          button.replaceChildren(words);
          setTimeout(() => button.replaceChildren(...label), COPIED_MS);
        });
      });
    }
    for (const button of document.querySelectorAll('[data-show-qr]'))
      button.addEventListener('click', () => openSheet(this.#sheet));
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
}

/** Resolves to what a button says of it. */
async function copy(text: string): Promise<string> {
  try {
    // Only pages of secure origins have a clipboard.
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch {
    return 'Select it by hand';
  }
}
