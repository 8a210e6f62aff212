import { hiddenText, icon, make } from '../../dom/dom.ts';
import { withLinks } from '../../dom/links.ts';
import { clock, dayName, dayOf } from '../../dom/times.ts';
import type { Entry } from '../../kept/history.ts';

export const MARK_WORDS: Readonly<Record<Entry['mark'], string>> = {
  waiting: 'Waiting',
  stored: 'Stored by the relay',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not delivered',
  new: '',
  seen: '',
};
/** Messages of one person within so long stand close together. */
const TOGETHER_MS = 300_000;
/** A longer quotation is cut. */
const QUOTE_CHARACTERS = 120;
/** Messages that are only a few emoji are shown large. */
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}[\u200d\ufe0f\p{Emoji_Modifier}]*){1,6}$/u;

export interface MessageParts {
  /** Links can be clicked: not in the messages of people who were not accepted. */
  readonly links: () => boolean;
  readonly quoted: (id: string) => Entry | undefined;
  readonly onAbout: (entry: Entry) => void;
  readonly onQuoted: (id: string) => void;
  /** The card of a file. */
  readonly file: (entry: Entry) => Node | null;
}

/** One message with what stands above it: the day, the line of what is new. */
export function messageItem(
  entry: Entry,
  before: Entry | undefined,
  firstNew: boolean,
  parts: MessageParts,
): HTMLDivElement {
  const item = make('div', { class: 'item' });
  item.dataset.id = entry.id;
  if (before === undefined || dayOf(before.atMs) !== dayOf(entry.atMs))
    item.append(make('div', { class: 'day', text: dayName(entry.atMs, Date.now()) }));
  if (firstNew) item.append(make('div', { class: 'new-line', text: 'New messages' }));
  if (entry.note) {
    item.append(make('div', { class: 'note', text: entry.text }));
    return item;
  }
  const follows =
    before !== undefined &&
    before.note !== true &&
    before.mine === entry.mine &&
    entry.atMs - before.atMs < TOGETHER_MS;
  item.classList.toggle('follows', follows);
  item.append(bubble(entry, parts));
  return item;
}

export function bubble(entry: Entry, parts: MessageParts): HTMLDivElement {
  const message = make('div', { class: `message ${entry.mine ? 'mine' : 'theirs'}` });
  message.classList.toggle('failed', entry.mark === 'failed');
  message.append(hiddenText(entry.mine ? 'You: ' : 'They: '));
  if (entry.replyTo !== undefined) message.append(quote(entry.replyTo, parts));
  const card = parts.file(entry);
  if (card !== null) {
    message.classList.add('with-file');
    message.append(card);
  }
  if (card === null || entry.text !== entry.file?.name) {
    const text = make('div', { class: 'text' }, ...(parts.links() ? withLinks(entry.text) : [entry.text]));
    text.dir = 'auto';
    text.classList.toggle('large', ONLY_EMOJI.test(entry.text));
    message.append(text);
  }
  message.append(about(entry, parts));
  return message;
}

function about(entry: Entry, { onAbout }: MessageParts): HTMLButtonElement {
  const button = make('button', { class: 'about' }, make('time', { text: clock(entry.atMs) }));
  button.type = 'button';
  if (entry.mine) {
    button.dataset.mark = entry.mark;
    button.append(icon(entry.mark), make('span', { class: 'mark-words', text: MARK_WORDS[entry.mark] }));
  }
  if (entry.expiresS !== undefined) button.append(icon('timer'), hiddenText(' disappears'));
  button.append(hiddenText(' – about this message'));
  button.addEventListener('click', () => onAbout(entry));
  return button;
}

function quote(id: string, { quoted, onQuoted }: MessageParts): HTMLElement {
  const entry = quoted(id);
  if (entry === undefined) return make('p', { class: 'quote', text: 'Reply to a message that is not here' });
  const button = make('button', { class: 'quote' }, hiddenText('Reply to: '), quotation(entry));
  button.type = 'button';
  button.dir = 'auto';
  button.addEventListener('click', () => onQuoted(id));
  return button;
}

/** The beginning of a message, on one line. */
export function quotation({ text }: Entry): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > QUOTE_CHARACTERS ? `${line.slice(0, QUOTE_CHARACTERS)}…` : line;
}
