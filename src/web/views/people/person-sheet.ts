import { byId, make } from '../../dom/dom.ts';
import { Sheet } from '../../dom/sheet.ts';
import type { Person } from '../../kept/people.ts';

export interface PersonActions {
  readonly onName: (name: string) => void;
  readonly onCompare: () => void;
  readonly onBlock: (blocked: boolean) => void;
  readonly onDelete: () => void;
}

/** What this user knows of a person, and what can be done about them. */
export class PersonSheet {
  readonly #sheet = new Sheet('person-sheet');
  readonly #name = byId('person-name', HTMLInputElement);

  open(code: string, person: Person | undefined, actions: PersonActions): void {
    this.#name.value = person?.name ?? '';
    this.#name.placeholder = person?.claim ?? code;
    byId('person-code', HTMLElement).textContent = code;
    byId('person-claim', HTMLElement).textContent =
      person?.claim === undefined
        ? 'They have not said how they call themselves.'
        : `They call themselves “${person.claim}”. Anybody can claim a name.`;
    byId('person-form', HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#sheet.close();
      actions.onName(this.#name.value.trim());
    };
    const blocked = person?.standing === 'blocked';
    const button = (label: string, act: () => void) => {
      const made = make('button', { class: 'quiet', text: label });
      made.type = 'button';
      made.addEventListener('click', () => {
        this.#sheet.close();
        act();
      });
      return made;
    };
    byId('person-actions', HTMLElement).replaceChildren(
      button('Safety number', actions.onCompare),
      button(blocked ? 'Unblock' : 'Block', () => actions.onBlock(!blocked)),
      button('Delete this conversation here', actions.onDelete),
    );
    this.#sheet.open();
  }
}
