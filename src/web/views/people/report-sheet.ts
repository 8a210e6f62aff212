import { byId } from '../../dom/dom.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';

/** Says what a report shows, and asks for a reason. */
export class ReportSheet {
  readonly #sheet = sheet('report-sheet');
  readonly #reason = byId('report-reason', HTMLInputElement);
  readonly #error = byId('report-error', HTMLElement);
  readonly #go = byId('report-go', HTMLButtonElement);

  /** `onReport` resolves with what went wrong, null if nothing did. */
  open(name: string, onReport: (reason: string) => Promise<string | null>): void {
    byId('report-name', HTMLElement).textContent = name;
    this.#reason.value = '';
    this.#error.textContent = '';
    byId('report-form', HTMLFormElement).onsubmit = async (event) => {
      event.preventDefault();
      // The relay takes one report a minute: a second one waits that long.
      this.#go.disabled = true;
      const wrong = await onReport(this.#reason.value.trim());
      this.#go.disabled = false;
      this.#error.textContent = wrong ?? '';
      if (wrong === null) this.#sheet.close();
    };
    this.#go.disabled = false;
    openSheet(this.#sheet);
  }
}
