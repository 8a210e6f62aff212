import { byId } from '../../dom/dom.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';
import { ScanSheet } from './scan-sheet.ts';

/** A field for another's code: on the first visit in the page, later in a sheet. */
class CodeForm {
  readonly #input: HTMLInputElement;
  readonly #error: HTMLElement;

  /** `start` resolves to what is wrong, in words; null if nothing is. */
  constructor(
    names: { form: string; input: string; error: string },
    start: (text: string) => Promise<string | null>,
  ) {
    this.#input = byId(names.input, HTMLInputElement);
    this.#error = byId(names.error, HTMLElement);
    byId(names.form, HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void start(this.#input.value).then((wrong) => this.#done(wrong));
    });
  }

  /** Shows the code, for the person to complete or to send. */
  show(code: string): void {
    this.#input.value = code;
    this.#input.focus();
  }

  #done(wrong: string | null): void {
    this.#error.textContent = wrong ?? '';
    if (wrong === null) {
      this.#input.removeAttribute('aria-invalid');
      this.#input.value = '';
      return;
    }
    this.#input.setAttribute('aria-invalid', 'true');
    this.#input.focus();
  }
}

export class NewConversation {
  readonly #sheet = sheet('new-sheet');
  readonly #first: CodeForm;
  readonly #later: CodeForm;

  constructor(start: (text: string) => Promise<string | null>, scanSheet: ScanSheet) {
    this.#first = new CodeForm({ form: 'start', input: 'their-code', error: 'start-error' }, start);
    this.#later = new CodeForm({ form: 'new-start', input: 'new-code', error: 'new-error' }, async (text) => {
      const wrong = await start(text);
      if (wrong === null) this.#sheet.close();
      return wrong;
    });
    const scan = byId('new-scan', HTMLButtonElement);
    scan.hidden = !ScanSheet.possible;
    scan.addEventListener('click', () =>
      scanSheet.open({
        title: 'Scan a code',
        hint: 'Hold the camera over their code, as their keyrelay shows it.',
        otherwise: 'Type or paste their code instead.',
        onText: (text) => {
          this.#later.show(text);
          return null;
        },
      }),
    );
    byId('new', HTMLButtonElement).addEventListener('click', () => this.open());
  }

  /** Until here a form would have been sent by the browser itself, to nowhere. */
  enable(): void {
    byId('their-code', HTMLInputElement).disabled = false;
    byId('start-go', HTMLButtonElement).disabled = false;
  }

  /** With a code filled in that came by a link: whether to write is the person's to say. */
  open(code = ''): void {
    if (document.body.dataset.people === 'none') {
      this.#first.show(code);
      return;
    }
    openSheet(this.#sheet);
    this.#later.show(code);
  }
}
