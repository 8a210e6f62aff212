import { byId, make } from '../dom/dom.ts';
import { openSheet, sheet } from '../dom/sheet.ts';
import { changeSettings, readSettings } from '../kept/settings.ts';
import { sizeWords } from './thread/file-card.ts';

export interface SettingsActions {
  readonly storageTaken: () => Promise<{ readonly bytes: number; readonly forGood: boolean } | null>;
  /** Resolve to what is wrong, in words; null if nothing is. */
  readonly onExport: (passphrase: string) => Promise<string | null>;
  readonly onImport: (file: File, passphrase: string) => Promise<string | null>;
  readonly isConnected: () => boolean;
  /** At the relay. */
  readonly onDeleteAccount: () => Promise<string | null>;
  /** In this browser. */
  readonly onDeleteEverything: () => Promise<void>;
  readonly onNotify: () => void;
  readonly onTyping: (wanted: boolean) => void;
  readonly onFewRequests: () => void;
  readonly blocked: () => readonly { readonly code: string; readonly name: string }[];
  readonly onUnblock: (code: string) => void;
}

const PASSPHRASE_MIN = 8;
/** If only the browser forgets. */
const STAYS = 'The relay keeps your code, your public keys, and what waits for you until it expires.';

/** Settings, moving to another browser, and leaving. */
export class SettingsSheet {
  readonly #sheet = sheet('settings');
  readonly #actions: SettingsActions;
  readonly #name = byId('own-name', HTMLInputElement);
  readonly #receipts = byId('receipts', HTMLInputElement);
  readonly #typing = byId('typing', HTMLInputElement);
  readonly #fewRequests = byId('few-requests', HTMLInputElement);
  readonly #notify = byId('notify', HTMLInputElement);
  readonly #moveError = byId('move-error', HTMLElement);
  readonly #deleteGo = byId('delete-go', HTMLButtonElement);
  readonly #deleteWords = byId('delete-words', HTMLElement);
  /** Otherwise only what is in this browser is deleted. */
  #accountToo = false;

  constructor(actions: SettingsActions) {
    this.#actions = actions;
    const open = byId('settings-open', HTMLButtonElement);
    open.addEventListener('click', () => this.#open());
    open.disabled = false;
    this.#name.addEventListener('change', () => changeSettings({ name: this.#name.value.trim() }));
    this.#receipts.addEventListener('change', () => changeSettings({ receipts: this.#receipts.checked }));
    this.#typing.addEventListener('change', () => {
      changeSettings({ typing: this.#typing.checked });
      actions.onTyping(this.#typing.checked);
    });
    this.#fewRequests.addEventListener('change', () => {
      changeSettings({ fewRequests: this.#fewRequests.checked });
      actions.onFewRequests();
    });
    this.#notify.addEventListener('change', () => void this.#askToNotify());
    byId('export', HTMLButtonElement).addEventListener('click', () => {
      void this.#move((passphrase) => actions.onExport(passphrase));
    });
    const file = byId('import-file', HTMLInputElement);
    byId('import', HTMLButtonElement).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      file.value = '';
      if (chosen !== undefined) void this.#move((passphrase) => actions.onImport(chosen, passphrase));
    });
    const confirm = byId('delete-confirm', HTMLElement);
    byId('delete', HTMLButtonElement).addEventListener('click', () => {
      this.#accountToo = actions.isConnected();
      this.#deleteWords.textContent = this.#accountToo
        ? 'Your account at the relay goes too. There is no way back.'
        : `The relay cannot be reached: only what is in this browser goes. ${STAYS} There is no way back.`;
      confirm.hidden = false;
      this.#deleteGo.focus();
    });
    this.#deleteGo.addEventListener('click', () => void this.#delete());
    this.#sheet.addEventListener('close', () => {
      confirm.hidden = true;
      this.#moveError.textContent = '';
      byId('passphrase', HTMLInputElement).value = '';
    });
  }

  #open(): void {
    const { name, receipts, typing, fewRequests, notify } = readSettings();
    this.#name.value = name;
    this.#receipts.checked = receipts;
    this.#typing.checked = typing;
    this.#fewRequests.checked = fewRequests;
    this.#notify.checked = notify;
    this.#notify.disabled = !('Notification' in globalThis);
    this.#showBlocked();
    void this.#actions.storageTaken().then((taken) => {
      byId('kept', HTMLElement).textContent =
        taken === null
          ? ''
          : `This page takes ${sizeWords(taken.bytes)} in this browser, which ${taken.forGood ? 'keeps it until you delete it' : 'may clear it when the disk is full'}.`;
    });
    openSheet(this.#sheet);
  }

  async #delete(): Promise<void> {
    this.#deleteGo.disabled = true;
    const failure = this.#accountToo ? await this.#actions.onDeleteAccount() : null;
    if (failure === null) {
      await this.#actions.onDeleteEverything();
      return;
    }
    this.#accountToo = false;
    this.#deleteWords.textContent = `The relay has not deleted your account: ${failure} Try again later, or delete only what is in this browser. ${STAYS}`;
    this.#deleteGo.disabled = false;
  }

  #showBlocked(): void {
    const blocked = this.#actions.blocked();
    byId('blocked', HTMLElement).hidden = blocked.length === 0;
    byId('blocked-list', HTMLUListElement).replaceChildren(
      ...blocked.map(({ code, name }) => {
        const button = make('button', { class: 'quiet', text: 'Unblock' });
        button.type = 'button';
        button.addEventListener('click', () => {
          this.#actions.onUnblock(code);
          this.#showBlocked();
        });
        return make('li', { class: 'row' }, make('span', { text: name }), button);
      }),
    );
  }

  async #askToNotify(): Promise<void> {
    const wanted = this.#notify.checked;
    const allowed = wanted && (await Notification.requestPermission()) === 'granted';
    this.#notify.checked = allowed;
    changeSettings({ notify: allowed });
    this.#actions.onNotify();
    byId('notify-hint', HTMLElement).textContent =
      wanted && !allowed ? 'The browser does not allow it: see its settings for this page.' : '';
  }

  async #move(act: (passphrase: string) => Promise<string | null>): Promise<void> {
    const passphrase = byId('passphrase', HTMLInputElement).value;
    if (passphrase.length < PASSPHRASE_MIN) {
      this.#moveError.textContent = `Choose a passphrase of at least ${PASSPHRASE_MIN} characters first.`;
      byId('passphrase', HTMLInputElement).focus();
      return;
    }
    this.#moveError.textContent = 'A moment…';
    this.#moveError.textContent = (await act(passphrase)) ?? '';
  }
}
