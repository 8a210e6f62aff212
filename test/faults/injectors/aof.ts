import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

const SAMPLE_MS = 20;
const KEPT = 5_000;
const FOLDER = 'appendonlydir';

/**
 * Watches how an append-only file grows, so that its tail can be cut and it is known since when everything is gone.
 * kill -9 alone loses nothing (the page cache survives): what a power cut loses is the tail that was not synced.
 */
export class AofWatch {
  readonly #server: RedisServer;
  readonly #timer: NodeJS.Timeout;
  readonly #sizes: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(server: RedisServer) {
    this.#server = server;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get bytes(): number {
    return statSync(this.#file()).size;
  }

  /** How large it was at that time: of what was written then, this much is sure to be kept. */
  bytesAt(atMs: number): number {
    return this.#sizes.findLast((sample) => sample.atMs <= atMs)?.bytes ?? 0;
  }

  /** When it had no more than so many bytes: everything written before is kept. */
  timeOf(bytes: number): number {
    return this.#sizes.findLast((sample) => sample.bytes <= bytes)?.atMs ?? 0;
  }

  /**
   * Cuts the file of a server that does not run, starts the server, and has the file written anew, as an operator must.
   * Redis 7.0 keeps what it has of a transaction that the cut has left without its end, and executes it after all at the
   * next start, together with what came behind it: what was undone is back, and an XADD behind it whose id is not
   * greater any more has failed.
   */
  async restartCut(bytes: number): Promise<void> {
    truncateSync(this.#file(), bytes);
    await this.#server.restart();
    await this.#server.call('BGREWRITEAOF');
    const done = async () => {
      const info = String(await this.#server.call('INFO', 'persistence'));
      return info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0');
    };
    await until(done, { what: 'the append-only file to be written anew' });
  }

  /** Copies the whole data set aside; `restore` puts it back under a server that does not run. */
  snapshot(): () => void {
    const from = join(this.#server.folder, FOLDER);
    const to = join(this.#server.folder, 'snapshot');
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
    return () => {
      rmSync(from, { recursive: true, force: true });
      cpSync(to, from, { recursive: true });
    };
  }

  #sample(): void {
    const bytes = statSync(this.#file(), { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return;
    this.#sizes.push({ atMs: performance.now(), bytes });
    if (this.#sizes.length > KEPT) this.#sizes.shift();
  }

  #file(): string {
    const folder = join(this.#server.folder, FOLDER);
    // Redis may remove one of them at any moment.
    const changedMs = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const [newest] = readdirSync(folder)
      .filter((name) => name.endsWith('.incr.aof'))
      .map((name) => ({ name, ms: changedMs(name) }))
      .sort((a, b) => b.ms - a.ms);
    if (newest === undefined) throw new Error(`no append-only file in ${folder}`);
    return join(folder, newest.name);
  }
}
