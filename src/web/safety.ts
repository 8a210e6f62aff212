import type { Conversation } from '../client/index.ts';
import { byId, make } from './dom.ts';
import { qrPicture } from './qr.ts';

/** The dialog with the number that two people compare; after a change of key, with the new one. */
export class Safety {
  readonly #dialog = byId('safety', HTMLDialogElement);
  readonly #accept = byId('safety-accept', HTMLButtonElement);
  #conversation: Conversation | null = null;

  constructor(onAccept: (conversation: Conversation) => void) {
    byId('safety-close', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#accept.addEventListener('click', () => {
      this.#dialog.close();
      if (this.#conversation !== null) onAccept(this.#conversation);
    });
  }

  open(conversation: Conversation): void {
    this.#conversation = conversation;
    const { code, keyChanged } = conversation;
    const groups = conversation.safetyNumber(keyChanged ? 'offered' : 'pinned');
    byId('safety-title', HTMLElement).textContent = keyChanged ? 'The new safety number' : 'Safety number';
    byId('safety-text', HTMLElement).textContent = keyChanged
      ? `Ask ${code}, in person or on the phone, to read theirs to you. Only if it is this one, trust the new key.`
      : `If ${code} sees the same number, nobody stands between you. Compare it in person or on the phone, once.`;
    byId('safety-number', HTMLOListElement).replaceChildren(...groups.map((text) => make('li', { text })));
    byId('safety-qr', HTMLElement).replaceChildren(qrPicture(groups.join('')));
    this.#accept.hidden = !keyChanged;
    this.#dialog.showModal();
  }
}
