const ESCAPE = '\u001b[';

/** The rows of a terminal after this output, as far as our commands steer it: what is overwritten is gone. */
export function rowsOf(output: string): string[] {
  const screen = new Screen();
  const [plain = '', ...steered] = output.split(ESCAPE);
  screen.write(plain);
  for (const part of steered) {
    const [code = '', count = '', command = ''] = /^([\d;?]*)([a-zA-Z])/.exec(part) ?? [];
    screen.steer(command, Number(count || 1));
    screen.write(part.slice(code.length));
  }
  return screen.rows.map((row) => row.join('').trimEnd());
}

class Screen {
  readonly rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  write(text: string): void {
    for (const character of text) {
      if (character === '\r') this.#column = 0;
      else if (character === '\n') this.#moveTo(this.#row + 1);
      else {
        const row = this.rows[this.#row] ?? [];
        while (row.length < this.#column) row.push(' ');
        row[this.#column++] = character;
      }
    }
  }

  steer(command: string, count: number): void {
    if (command === 'A') this.#moveTo(Math.max(0, this.#row - count));
    if (command === 'B') this.#moveTo(this.#row + count);
    if (command === 'G') this.#column = count - 1;
    if (command === 'K') this.rows[this.#row]?.splice(this.#column);
    if (command === 'J') {
      this.rows.splice(this.#row + 1);
      this.rows[this.#row]?.splice(this.#column);
    }
  }

  #moveTo(row: number): void {
    this.#row = row;
    while (this.rows.length <= row) this.rows.push([]);
  }
}
