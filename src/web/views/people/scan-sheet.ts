import { hasCamera, scan } from '../../dom/camera.ts';
import { byId } from '../../dom/dom.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';

export interface ScanOptions {
  readonly title: string;
  readonly hint: string;
  /** What to do where there is no camera after all. */
  readonly otherwise: string;
  /** What is wrong with the text of a code, in words; null if that was it. */
  readonly onText: (text: string) => string | null;
}

/** Reads a QR code from another screen. */
export class ScanSheet {
  readonly #sheet = sheet('scan-sheet');
  #ended = new AbortController();

  constructor() {
    this.#sheet.addEventListener('close', () => this.#ended.abort());
  }

  /** Whether to offer it. */
  static get possible(): boolean {
    return hasCamera();
  }

  open({ title, hint, otherwise, onText }: ScanOptions): void {
    const state = byId('scan-state', HTMLElement);
    byId('scan-title', HTMLElement).textContent = title;
    state.textContent = hint;
    this.#ended = new AbortController();
    const { signal } = this.#ended;
    openSheet(this.#sheet);
    const seen = (text: string) => {
      const wrong = onText(text);
      if (wrong === null) this.#sheet.close();
      else state.textContent = wrong;
    };
    scan(byId('scan-video', HTMLVideoElement), { onText: seen, signal }).catch(() => {
      if (!signal.aborted) state.textContent = `The camera cannot be used. ${otherwise}`;
    });
  }
}
