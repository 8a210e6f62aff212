import { byId, make } from '../../dom/dom.ts';
import { qrPicture } from '../../dom/qr.ts';
import { Sheet } from '../../dom/sheet.ts';

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
  readonly #sheet = new Sheet('safety');
  readonly #verify = byId('safety-verify', HTMLButtonElement);
  readonly #unverify = byId('safety-unverify', HTMLButtonElement);
  readonly #accept = byId('safety-accept', HTMLButtonElement);

  open({ name, number, trust }: SafetyState, { onMatch, onForget }: SafetyActions): void {
    const changed = trust === 'changed';
    byId('safety-title', HTMLElement).textContent = changed ? 'The new safety number' : 'Safety number';
    byId('safety-text', HTMLElement).textContent = changed
      ? `Ask ${name}, in person or on the phone, to read their number to you. Only if it is this one, trust the new key.`
      : trust === 'verified'
        ? `You have compared this number with ${name}. If it ever changes, nothing is sent until you have compared it again.`
        : `If ${name} sees the same number, nobody stands between you. Compare it in person or on the phone, once.`;
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
    this.#sheet.open();
  }
}
