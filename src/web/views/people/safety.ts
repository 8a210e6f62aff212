import { byId, make } from '../../dom/dom.ts';
import { qrPicture } from '../../dom/qr.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';
import { ScanSheet } from './scan-sheet.ts';

export interface SafetyState {
  readonly name: string;
  /** 12 groups of 5 digits. */
  readonly number: readonly string[];
  /** - `changed`: the number is that of a new key, which is not trusted yet */
  readonly trust: 'none' | 'verified' | 'changed';
}

export interface SafetyActions {
  /** The two numbers are the same; after a change this trusts the new key. */
  readonly onMatch: (number: string) => void;
  readonly onForget: () => void;
}

/** The number that two people compare; after a change of key, the new one. */
export class Safety {
  readonly #sheet = sheet('safety');
  readonly #scanSheet: ScanSheet;
  readonly #scan = byId('safety-scan', HTMLButtonElement);
  readonly #verify = byId('safety-verify', HTMLButtonElement);
  readonly #unverify = byId('safety-unverify', HTMLButtonElement);
  readonly #accept = byId('safety-accept', HTMLButtonElement);

  constructor(scanSheet: ScanSheet) {
    this.#scanSheet = scanSheet;
  }

  open({ name, number, trust }: SafetyState, { onMatch, onForget }: SafetyActions): void {
    const changed = trust === 'changed';
    byId('safety-title', HTMLElement).textContent = changed ? 'The new safety number' : 'Safety number';
    byId('safety-text', HTMLElement).textContent = changed
      ? `Ask ${name}, in person or on the phone, to read their number to you. Only if it is this one, trust the new key.`
      : trust === 'verified'
        ? `You have compared this number with ${name}. If it ever changes, nothing is sent until you have compared it again.`
        : `If ${name} sees the same number, only the two of you can read this conversation. Compare it in person or on the phone, once.`;
    byId('safety-number', HTMLOListElement).replaceChildren(...number.map((text) => make('li', { text })));
    byId('safety-qr', HTMLElement).replaceChildren(qrPicture(number.join('')));
    this.#verify.hidden = trust !== 'none';
    this.#unverify.hidden = trust !== 'verified';
    this.#accept.hidden = !changed;
    const then = (act: () => void) => () => {
      this.#sheet.close();
      act();
    };
    this.#verify.onclick = then(() => onMatch(number.join(' ')));
    this.#accept.onclick = this.#verify.onclick;
    this.#unverify.onclick = then(onForget);
    this.#scan.hidden = trust === 'verified' || !ScanSheet.possible;
    this.#scan.onclick = () =>
      this.#compareByCamera(
        { name, number },
        then(() => onMatch(number.join(' '))),
      );
    openSheet(this.#sheet);
  }

  #compareByCamera({ name, number }: Pick<SafetyState, 'name' | 'number'>, onMatch: () => void): void {
    this.#scanSheet.open({
      title: 'Scan their screen',
      hint: `Hold the camera over the code that ${name} sees under “Safety number”.`,
      otherwise: 'Read the number to each other instead.',
      onText: (text) => {
        if (!/^\d{60}$/.test(text)) return 'This is a code, but no safety number.';
        if (text !== number.join(''))
          return `This is another number. If ${name} has opened your conversation, somebody is intercepting your messages: do not trust this key.`;
        onMatch();
        return null;
      },
    });
  }
}
