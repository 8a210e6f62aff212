import { formatBytes, formatSeconds } from './units.ts';

const REDRAW_AFTER_MS = 100;
/** The rate is that of the last seconds. */
const RATE_OVER_MS = 3_000;

/** One line of a terminal, written over and over: how far a file is, how fast, and how long it will take. */
export class ProgressLine {
  readonly #name: string;
  readonly #out: NodeJS.WriteStream;
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #drawnMs = 0;

  /** Draws nothing unless `out` is a terminal. */
  constructor(name: string, out: NodeJS.WriteStream = process.stderr) {
    this.#name = name;
    this.#out = out;
  }

  update(bytes: number, size: number): void {
    const now = performance.now();
    this.#samples.push({ atMs: now, bytes });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.atMs ?? now) > RATE_OVER_MS)
      this.#samples.shift();
    if (!this.#out.isTTY || (now - this.#drawnMs < REDRAW_AFTER_MS && bytes < size)) return;
    this.#drawnMs = now;
    const percent = size === 0 ? 100 : Math.floor((100 * bytes) / size);
    const rate = this.#rate();
    const left = rate > 0 && bytes < size ? `  ${formatSeconds((size - bytes) / rate)} left` : '';
    const speed = rate > 0 ? `  ${formatBytes(rate)}/s` : '';
    this.#write(`${this.#name}  ${percent} %  ${formatBytes(bytes)} of ${formatBytes(size)}${speed}${left}`);
  }

  /** Leaves the line as it is, and goes to the next. */
  end(): void {
    if (this.#out.isTTY && this.#drawnMs > 0) this.#out.write('\n');
    this.#drawnMs = 0;
  }

  #rate(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  #write(text: string): void {
    this.#out.write(`\r\u001b[K${text.slice(0, (this.#out.columns || 80) - 1)}`);
  }
}
