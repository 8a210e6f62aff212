import { byId } from '../../dom/dom.ts';
import { tile } from '../../dom/tile.ts';

export interface HeaderState {
  readonly code: string;
  readonly name: string;
  /** What their tile is drawn from: their key, or else the code. */
  readonly key: string;
  /** How the conversation is protected, in a line. */
  readonly words: string;
  readonly canCompare: boolean;
}

/** Above the thread: who it is, and how it is protected. */
export class Header {
  readonly #safetyOpen = byId('safety-open', HTMLButtonElement);

  constructor(on: { readonly back: () => void; readonly compare: () => void; readonly person: () => void }) {
    byId('back', HTMLButtonElement).addEventListener('click', on.back);
    this.#safetyOpen.addEventListener('click', on.compare);
    byId('talk-name', HTMLButtonElement).addEventListener('click', on.person);
  }

  show({ code, name, key, words, canCompare }: HeaderState): void {
    byId('talk-name', HTMLElement).textContent = name;
    byId('talk-code', HTMLElement).textContent = name === code ? '' : code;
    byId('talk-tile', HTMLElement).replaceChildren(tile(key));
    byId('talk-state', HTMLElement).textContent = words;
    this.#safetyOpen.hidden = !canCompare;
  }
}
