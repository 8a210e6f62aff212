import { setTimeout as sleep } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../../protocol/back-off.ts';
import { EngineUnavailable } from '../../engine.ts';
import type { Connection } from './connection.ts';
import type { Argument, Reply } from './reply.ts';

export interface LinkOptions {
  readonly open: () => Promise<Connection>;
  /** Makes the connection fit for use: checks, scripts. Nothing else uses it until this resolves. */
  readonly prepare: (connection: Connection) => Promise<void>;
  readonly onReady: () => void;
  /** After a loss, and after each failed attempt. */
  readonly onLost: (reason: string) => void;
}

const RETRY: BackOff = { firstMs: 50, maxMs: 1_000, jitter: 'half' };

/**
 * Keeps one connection to one server, and reconnects whenever it is lost. Also the circuit breaker of that server: while
 * there is no connection that has answered, callers fail at once, and nothing is queued.
 */
export class Link {
  /** Why there is no connection. */
  reason = 'not connected yet';
  #current: Connection | null = null;
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();

  constructor(options: LinkOptions) {
    this.#options = options;
    void this.#keep();
  }

  /** Ready for use, or null. If a caller destroys it, the next one is opened at once. */
  get connection(): Connection | null {
    return this.#current?.open === true ? this.#current : null;
  }

  close(reason: string): void {
    this.#closing.abort();
    this.#current?.destroy(reason);
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const wasReady = await this.#attempt();
      if (signal.aborted) return;
      failures = wasReady ? 0 : failures + 1;
      this.#options.onLost(this.reason);
      const delayMs = backOffMs(RETRY, failures);
      await sleep(delayMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** One connection from beginning to end. Returns whether it was ever ready. */
  async #attempt(): Promise<boolean> {
    let opened: Connection | null = null;
    try {
      opened = await this.#options.open();
      await this.#options.prepare(opened);
    } catch (error) {
      this.reason = error instanceof Error ? error.message : String(error);
      opened?.destroy(this.reason);
      return false;
    }
    if (this.#closing.signal.aborted) {
      opened.destroy('the engine is closing');
      return false;
    }
    this.#current = opened;
    this.#options.onReady();
    this.reason = await opened.closed;
    this.#current = null;
    return true;
  }
}

export interface RedisCommand {
  readonly name: string;
  readonly args: readonly Argument[];
  /** Behind an ASKING, which covers only the next command of the connection. */
  readonly asking: boolean;
}

/** Sends a command over a link that is ready, or fails at once. */
export function sendOn(link: Link, { name, args, asking }: RedisCommand): Promise<Reply> {
  const { connection } = link;
  if (connection === null) return Promise.reject(new EngineUnavailable(link.reason));
  // Its own answer does not matter: the answer of the command behind it shows whether it was heeded.
  if (asking) connection.send(['ASKING']).catch(() => {});
  return connection.call(name, args);
}
