import { durationWords } from '../../../client/index.ts';
import { byId, make } from '../../dom/dom.ts';
import { openSheet, sheet } from '../../dom/sheet.ts';
import { dateAndTime } from '../../dom/times.ts';
import type { Entry } from '../../kept/history.ts';
import { MARK_WORDS } from './message.ts';

const MEANINGS: Readonly<Record<Entry['mark'], string>> = {
  waiting: 'It is here, and goes to the relay as soon as that takes it.',
  stored: 'The relay keeps it until they come.',
  delivered: 'It has arrived in their browser.',
  read: 'They have seen it.',
  failed: 'It did not arrive, and will not by itself.',
  new: '',
  seen: '',
};

export interface MessageActions {
  readonly onReply: (entry: Entry) => void;
  readonly onCopy: (entry: Entry) => void;
  readonly onDelete: (entry: Entry) => void;
  readonly onRetry: (entry: Entry) => void;
}

/** What is known about one message, and what can be done with it. */
export class MessageSheet {
  readonly #sheet = sheet('message-sheet');
  readonly #actions: MessageActions;

  constructor(actions: MessageActions) {
    this.#actions = actions;
  }

  open(entry: Entry, may: { readonly write: boolean }): void {
    const about: [string, string][] = [['Sent', dateAndTime(entry.atMs)]];
    if (entry.cameMs !== undefined)
      about.push(['Arrived', `${dateAndTime(entry.cameMs)}${entry.late ? ', after later ones' : ''}`]);
    if (entry.mine) about.push(['State', `${MARK_WORDS[entry.mark]}. ${entry.why ?? MEANINGS[entry.mark]}`]);
    if (entry.expiresS !== undefined)
      about.push([
        'Disappears',
        entry.goneAtMs === undefined
          ? `${durationWords(entry.expiresS)} after it ${entry.mine ? 'is sent' : 'is read'}`
          : dateAndTime(entry.goneAtMs),
      ]);
    byId('message-about', HTMLDListElement).replaceChildren(
      ...about.flatMap(([term, text]) => [make('dt', { text: term }), make('dd', { text })]),
    );
    const { onReply, onCopy, onDelete, onRetry } = this.#actions;
    const actions: [string, (entry: Entry) => void][] = [
      ...(entry.mark === 'failed' && entry.file === undefined && may.write
        ? [['Send again', onRetry] as [string, typeof onRetry]]
        : []),
      ...(may.write && entry.mark !== 'failed' ? [['Reply', onReply] as [string, typeof onReply]] : []),
      ['Copy text', onCopy],
      ['Delete here', onDelete],
    ];
    byId('message-actions', HTMLElement).replaceChildren(
      ...actions.map(([label, act]) => {
        const button = make('button', { class: 'quiet', text: label });
        button.type = 'button';
        button.addEventListener('click', () => {
          this.#sheet.close();
          act(entry);
        });
        return button;
      }),
    );
    openSheet(this.#sheet);
  }
}
