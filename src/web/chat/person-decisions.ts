import type { Conversation } from '../../client/index.ts';
import { PersonSheet } from '../views/people/person-sheet.ts';
import { ReportSheet } from '../views/people/report-sheet.ts';
import { Safety } from '../views/people/safety.ts';
import type { ScanSheet } from '../views/people/scan-sheet.ts';
import type { PageState } from './page-state.ts';
import { numberOf } from './trust.ts';

export interface PersonDecisionsOptions {
  readonly state: PageState;
  readonly scanSheet: ScanSheet;
  /** A name, a mark or a key is another one: `now` if somebody waits for what follows from it. */
  readonly onChanged: (now: 'now' | 'soon') => void;
  /** The person of the open conversation is accepted or blocked. */
  readonly onStanding: () => void;
  /** Messages can be written again. */
  readonly onWritable: () => void;
  readonly onDelete: () => void;
}

/** What the user decides about the person of the open conversation: name, trust, whether they may write. */
export class PersonDecisions {
  readonly #options: PersonDecisionsOptions;
  readonly #safety: Safety;
  readonly #sheet = new PersonSheet();
  readonly #reportSheet = new ReportSheet();

  constructor(options: PersonDecisionsOptions) {
    this.#options = options;
    this.#safety = new Safety(options.scanSheet);
  }

  /** Opens the sheet about them. */
  show(): void {
    const { state, onChanged, onDelete } = this.#options;
    const { code, person, people, mayWrite, conversation } = state;
    if (code === null) return;
    this.#sheet.open(
      { code, person, timerS: mayWrite ? (conversation?.timerS ?? null) : null },
      {
        onTimer: (seconds) => state.talks?.setTimer(code, seconds),
        onName: (name) => {
          void people.set(code, { name: name === '' ? undefined : name });
          onChanged('soon');
        },
        onCompare: () => this.compare(),
        onBlock: (blocked) => this.setStanding(blocked ? 'blocked' : 'friend'),
        onReport: () => this.report(),
        onDelete,
      },
    );
  }

  /** Opens their safety number. */
  compare(): void {
    const { state, onChanged } = this.#options;
    const { conversation, people, trust } = state;
    const number = conversation === undefined ? null : numberOf(conversation);
    if (conversation === undefined || number === null) return;
    const { code } = conversation;
    this.#safety.open(
      { name: people.nameOf(code), number, trust },
      {
        onMatch: (compared) => void this.#matched(conversation, compared),
        onForget: () => {
          void people.set(code, { verified: undefined });
          onChanged('soon');
        },
      },
    );
  }

  /** Opens the sheet that shows the relay's operators what they have sent. */
  report(): void {
    const { code, people, talks } = this.#options.state;
    if (code === null || talks === null) return;
    this.#reportSheet.open(people.nameOf(code), (reason) => talks.report(code, reason));
  }

  setStanding(standing: 'friend' | 'blocked'): void {
    const { state, onStanding, onWritable } = this.#options;
    const { code } = state;
    if (code === null) return;
    void state.people.set(code, { standing });
    state.talks?.standingChanged(code);
    onStanding();
    if (standing === 'friend') onWritable();
  }

  async #matched(conversation: Conversation, compared: string): Promise<void> {
    const { state, onChanged, onWritable } = this.#options;
    const { code } = conversation;
    if (conversation.keyChanged) {
      await conversation.acceptChangedKey();
      state.talks?.note(code, 'You trust their new key. Messages that were waiting have to be sent again.');
    }
    void state.people.set(code, { verified: compared, key: conversation.identityKey ?? undefined });
    onChanged('now');
    onWritable();
  }
}
