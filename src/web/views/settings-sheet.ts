import { byId, make } from '../dom/dom.ts';
import { Sheet } from '../dom/sheet.ts';
import { changeSettings, readSettings } from '../kept/settings.ts';
import { sizeWords } from './file-card.ts';

export interface SettingsActions {
  readonly bytesKept: () => Promise<number | null>;
  /** Resolve to what is wrong, in words; null if nothing is. */
  readonly onExport: (passphrase: string) => Promise<string | null>;
  readonly onImport: (file: File, passphrase: string) => Promise<string | null>;
  readonly onDeleteEverything: () => Promise<void>;
  readonly blocked: () => readonly { readonly code: string; readonly name: string }[];
  readonly onUnblock: (code: string) => void;
}

const PASSPHRASE_MIN = 8;

/** Settings, moving to another browser, and leaving. */
export class SettingsSheet {
  readonly #sheet = new Sheet('settings');
  readonly #actions: SettingsActions;
  readonly #name = byId('own-name', HTMLInputElement);
  readonly #receipts = byId('receipts', HTMLInputElement);
  readonly #notify = byId('notify', HTMLInputElement);
  readonly #moveError = byId('move-error', HTMLElement);

  constructor(actions: SettingsActions) {
    this.#actions = actions;
    const open = byId('settings-open', HTMLButtonElement);
    open.addEventListener('click', () => this.#open());
    open.disabled = false;
    this.#name.addEventListener('change', () => changeSettings({ name: this.#name.value.trim() }));
    this.#receipts.addEventListener('change', () => changeSettings({ receipts: this.#receipts.checked }));
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
      confirm.hidden = false;
      byId('delete-go', HTMLButtonElement).focus();
    });
    byId('delete-go', HTMLButtonElement).addEventListener('click', () => void actions.onDeleteEverything());
    this.#sheet.onClose(() => {
      confirm.hidden = true;
      this.#moveError.textContent = '';
      byId('passphrase', HTMLInputElement).value = '';
    });
  }

  #open(): void {
    const { name, receipts, notify } = readSettings();
    this.#name.value = name;
    this.#receipts.checked = receipts;
    this.#notify.checked = notify;
    this.#notify.disabled = !('Notification' in globalThis);
    this.#showBlocked();
    void this.#actions.bytesKept().then((bytes) => {
      byId('kept', HTMLElement).textContent =
        bytes === null ? '' : `This page takes ${sizeWords(bytes)} in this browser.`;
    });
    this.#sheet.open();
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
