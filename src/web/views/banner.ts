import { byId, make } from '../dom/dom.ts';

interface BannerAction {
  readonly label: string;
  readonly act: () => void;
  readonly quiet?: true;
}

export interface BannerState {
  /** What kind it is; a test and a style find it by this. */
  readonly kind: string;
  readonly tone: 'info' | 'warn';
  readonly title: string;
  readonly text: string;
  readonly actions?: readonly BannerAction[];
}

/** The one place that says what is in the way, and what to do about it: above the composer, or above the list. */
export class Banner {
  readonly #banner = byId('banner', HTMLDivElement);
  readonly #title = byId('banner-title', HTMLElement);
  readonly #text = byId('banner-text', HTMLElement);
  readonly #actions = byId('banner-actions', HTMLElement);
  #shown = '';

  /** `code` is that of the open conversation. */
  show(state: BannerState | null, code: string | null): void {
    const home = byId(code !== null ? 'talk-banner' : 'home-banner', HTMLElement);
    if (this.#banner.parentElement !== home) home.append(this.#banner);
    this.#banner.hidden = state === null;
    if (state === null) {
      this.#shown = '';
      return;
    }
    this.#banner.dataset.kind = state.kind;
    this.#banner.dataset.tone = state.tone;
    this.#title.textContent = state.title;
    this.#text.textContent = state.text;
    // A countdown changes the text every second: the buttons stay, and so does the keyboard's place.
    const actions = state.actions ?? [];
    const shown = [state.kind, code, ...actions.map(({ label }) => label)].join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#actions.replaceChildren(
      ...actions.map(({ label, act, quiet }) => {
        const button = make('button', { text: label, ...(quiet ? { class: 'quiet' } : {}) });
        button.type = 'button';
        button.addEventListener('click', act);
        return button;
      }),
    );
  }
}
