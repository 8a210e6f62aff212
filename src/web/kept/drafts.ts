const PREFIX = 'keyrelay-draft:';

/** What is written and not yet sent, by code; kept over reloads. */
export const drafts = {
  of(code: string): string {
    return localStorage.getItem(PREFIX + code) ?? '';
  },

  keep(code: string, text: string): void {
    try {
      if (text === '') localStorage.removeItem(PREFIX + code);
      else localStorage.setItem(PREFIX + code, text);
    } catch {
      // A draft larger than the browser's allowance stays in the field alone.
    }
  },
};
