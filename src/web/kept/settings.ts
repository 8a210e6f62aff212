const KEY = 'keyrelay-settings';

export interface Settings {
  /** What this user calls themselves, sent with each message; empty: nothing. */
  readonly name: string;
  /** Whether others learn that their messages were read. */
  readonly receipts: boolean;
  /** Whether others see that this user types, and this user that they do. */
  readonly typing: boolean;
  /** Whether the relay takes one request of each stranger, and nothing more until it is accepted. */
  readonly fewRequests: boolean;
  /** The code for which the relay has been told so; null: for none. */
  readonly fewRequestsAtRelay: string | null;
  /** Whether a message that comes while the page is hidden shows a notification. */
  readonly notify: boolean;
}

const DEFAULTS: Settings = {
  name: '',
  receipts: true,
  typing: false,
  fewRequests: false,
  fewRequestsAtRelay: null,
  notify: false,
};

export function readSettings(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) };
  } catch {
    return DEFAULTS;
  }
}

export function changeSettings(changes: Partial<Settings>): void {
  localStorage.setItem(KEY, JSON.stringify({ ...readSettings(), ...changes }));
}
