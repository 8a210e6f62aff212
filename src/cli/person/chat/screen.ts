import { clearScreenDown, cursorTo, type Interface, moveCursor } from 'node:readline';
import { printable } from './printable.ts';

/** How far an own message is, as the sign before it. */
const MARKS = { waiting: '.', stored: '+', delivered: '++', read: '*', failed: '!' } as const;
export type Mark = keyof typeof MARKS;

const MARK_WIDTH = 3;
/** Of a terminal that does not say its size. */
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** Where chat writes: a terminal with a line that is being typed, plain text into a pipe, or JSON lines. */
export interface Screen {
  /** Something to know, or (with `about`) to read as JSON. */
  say(words: string, about?: object): void;
  /** A message of the other. */
  theirs(code: string, text: string, about: object): void;
  /** An own message was taken, or has come further. */
  mine(id: string, text: string, mark: Mark): void;
  prompt(): void;
}

/** One JSON object a line, and no prompt. */
export class JsonScreen implements Screen {
  say(words: string, about: object = { note: words }): void {
    console.log(JSON.stringify(about));
  }

  theirs(_: string, __: string, about: object): void {
    console.log(JSON.stringify(about));
  }

  mine(id: string, _: string, mark: Mark): void {
    console.log(JSON.stringify({ id, mark }));
  }

  prompt(): void {}
}

/** Plain lines: each message once, and an own one only if it fails. */
export class PlainScreen implements Screen {
  say(words: string): void {
    console.error(words);
  }

  theirs(code: string, text: string): void {
    console.log(`${code}  ${printable(text)}`);
  }

  mine(_: string, text: string, mark: Mark): void {
    if (mark === 'failed') console.error(`Not delivered: ${printable(text)}`);
  }

  prompt(): void {}
}

/** A terminal: what is written scrolls up above the line that is being typed, and marks change where they stand. */
export class TerminalScreen implements Screen {
  readonly #lines: Interface;
  readonly #out: NodeJS.WriteStream;
  /** Rows written since each own message that may still change. */
  readonly #rowsSince = new Map<string, number>();

  constructor(lines: Interface, out: NodeJS.WriteStream) {
    this.#lines = lines;
    this.#out = out;
  }

  /** Writes above the line that is being typed, which is then shown again. */
  say(text: string): void {
    const { rows } = this.#lines.getCursorPos();
    moveCursor(this.#out, 0, -rows);
    cursorTo(this.#out, 0);
    clearScreenDown(this.#out);
    this.#out.write(`${text}\n`);
    const written = text.split('\n').reduce((sum, line) => sum + this.#rowsOf(line), 0);
    for (const [id, since] of this.#rowsSince) this.#rowsSince.set(id, since + written);
    this.#lines.prompt(true);
  }

  theirs(code: string, text: string): void {
    this.say(`${code}  ${printable(text)}`);
  }

  mine(id: string, text: string, mark: Mark): void {
    if (mark === 'waiting') {
      // The line as it was typed is replaced by the message with its mark.
      moveCursor(this.#out, 0, -1);
      cursorTo(this.#out, 0);
      clearScreenDown(this.#out);
      this.say(this.#line(mark, text));
      if (this.#rowsOf(this.#line(mark, text)) === 1) this.#rowsSince.set(id, 0);
      return;
    }
    const rows = this.#rowsSince.get(id);
    if (mark === 'read' || mark === 'failed') this.#rowsSince.delete(id);
    // Scrolled out of reach, or more than one row high: only a failure is worth a line of its own.
    if (rows === undefined || rows > (this.#out.rows || DEFAULT_ROWS) - 3) {
      if (mark === 'failed') this.say(this.#line(mark, text));
      return;
    }
    const column = this.#lines.getCursorPos();
    const up = rows + 1 + column.rows;
    moveCursor(this.#out, 0, -up);
    cursorTo(this.#out, 0);
    this.#out.write(MARKS[mark].padStart(MARK_WIDTH));
    moveCursor(this.#out, 0, up);
    cursorTo(this.#out, column.cols);
  }

  prompt(): void {
    this.#lines.prompt();
  }

  #line(mark: Mark, text: string): string {
    return `${MARKS[mark].padStart(MARK_WIDTH)}  ${printable(text)}`;
  }

  #rowsOf(line: string): number {
    // Letters of East Asia are two columns wide: more rows than there are only mean that a mark is not updated.
    return Math.max(1, Math.ceil(line.length / (this.#out.columns || DEFAULT_COLUMNS)));
  }
}
