import { durationWords } from '../../../client/index.ts';
import { byId, make } from '../../dom/dom.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';
import type { Person } from '../../kept/people.ts';

export interface PersonActions {
  readonly onName: (name: string) => void;
  readonly onCompare: () => void;
  /** Seconds; 0 for off. */
  readonly onTimer: (seconds: number) => void;
  readonly onBlock: (blocked: boolean) => void;
  readonly onReport: () => void;
  readonly onDelete: () => void;
}

/** Offered, in seconds; one that the other has set is offered too. */
const TIMERS = [0, 300, 3_600, 86_400, 604_800];

/** What this user knows of a person, and what can be done about them. */
export class PersonSheet {
  readonly #sheet = sheet('person-sheet');
  readonly #name = byId('person-name', HTMLInputElement);

  /** `timerS` is null where messages cannot be sent now. */
  open(
    { code, person, timerS }: { code: string; person: Person | undefined; timerS: number | null },
    actions: PersonActions,
  ): void {
    this.#showTimer(timerS, actions.onTimer);
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
      button('Report', actions.onReport),
      button('Delete this conversation here', actions.onDelete),
    );
    openSheet(this.#sheet);
  }

  #showTimer(timerS: number | null, onTimer: (seconds: number) => void): void {
    byId('timer-setting', HTMLElement).hidden = timerS === null;
    if (timerS === null) return;
    const timer = byId('timer', HTMLSelectElement);
    const offered = [...new Set([...TIMERS, timerS])].sort((left, right) => left - right);
    timer.replaceChildren(
      ...offered.map((seconds) => {
        const text = seconds === 0 ? 'Never' : `${durationWords(seconds)} after they are read`;
        const option = make('option', { text });
        option.value = String(seconds);
        return option;
      }),
    );
    timer.value = String(timerS);
    timer.onchange = () => onTimer(Number(timer.value));
  }
}
