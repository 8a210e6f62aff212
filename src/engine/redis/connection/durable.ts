import { EngineUnavailable } from '../../engine.ts';
import { type Link, type RedisCommand, sendOn } from './link.ts';
import type { Reply } from './reply.ts';

interface Write {
  readonly command: RedisCommand;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export interface DurableOptions {
  /** A separate connection: WAIT blocks everything behind it. */
  readonly link: Link;
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Writes of one round: what one WAIT covers at most. */
const ROUND_MAX = 256;

/**
 * Writes that are acknowledged only once `replicas` replicas have them. Writes that come while a round is in flight go
 * into the next: many scripts, then one WAIT directly behind them on the same connection. (A WAIT on another connection
 * proves nothing.) It also covers what a script found already stored: the connection has then seen the offset of that
 * write.
 */
export class DurableWrites {
  readonly #options: DurableOptions;
  #waiting: Write[] = [];
  #running = false;

  constructor(options: DurableOptions) {
    this.#options = options;
  }

  send(command: RedisCommand): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) await this.#round(this.#waiting.splice(0, ROUND_MAX));
    this.#running = false;
  }

  async #round(writes: readonly Write[]): Promise<void> {
    const { link, replicas, timeoutMs } = this.#options;
    const { connection } = link;
    if (connection === null) {
      for (const { reject } of writes) reject(new EngineUnavailable(link.reason));
      return;
    }
    const sent = writes.map(({ command }) => sendOn(link, command));
    const waited = connection.send(['WAIT', `${replicas}`, `${timeoutMs}`]);
    const replies = await Promise.allSettled(sent);
    const acknowledged = await waited.catch((error: Error) => error);
    const missing =
      typeof acknowledged === 'number' && acknowledged >= replicas
        ? null
        : new EngineUnavailable(
            `written at ${connection.name}, but not known to ${replicas} replicas: ${String(acknowledged)}`,
          );
    for (const [index, { resolve, reject }] of writes.entries()) {
      const reply = replies[index];
      if (reply?.status === 'rejected') reject(reply.reason as Error);
      else if (missing !== null) reject(missing);
      else resolve(reply?.value ?? null);
    }
  }
}
