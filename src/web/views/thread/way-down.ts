import { byId } from '../../dom/dom.ts';
import type { Entry } from '../../kept/history.ts';

/** The button that leads to the newest message, and counts new ones. */
export class WayDown {
  readonly #button = byId('to-newest', HTMLButtonElement);
  readonly #text = byId('to-newest-text', HTMLElement);

  constructor(onPressed: () => void) {
    this.#button.addEventListener('click', onPressed);
  }

  show(needed: boolean, entries: readonly Entry[]): void {
    this.#button.hidden = !needed;
    if (!needed) return;
    const fresh = countNew(entries);
    this.#text.textContent = fresh > 0 ? `${fresh} new` : 'Newest';
  }
}

/** New messages of theirs at the end of the history; those of this user may stand between them. */
function countNew(entries: readonly Entry[]): number {
  let count = 0;
  for (let index = entries.length - 1; entries[index]?.mark === 'new' || entries[index]?.mine; index--)
    if (entries[index]?.mark === 'new') count += 1;
  return count;
}
