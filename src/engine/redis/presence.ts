import type { Calls } from './cluster/calls.ts';
import { nodeKey } from './schema.ts';
import type { Timings } from './timings.ts';

export interface PresenceOptions {
  readonly calls: Calls;
  readonly nodeId: string;
  readonly timings: Timings;
}

/**
 * Says that this node lives: `node:<id>`, which ends by itself some time after the node has. Users are present where
 * their `node` field names a node that lives, so heartbeats are one per node, not one per user.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #key: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#key = nodeKey(options.nodeId);
  }

  start(): void {
    const beat = () => void this.#beat();
    this.#timer = setInterval(beat, this.#options.timings.presenceEveryMs).unref();
    beat();
  }

  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    // Best effort: it ends by itself.
    await this.#options.calls.command('presence', this.#key, ['DEL', this.#key]).catch(() => {});
  }

  async #beat(): Promise<void> {
    const { calls, timings } = this.#options;
    const ttl = `${timings.presenceTtlMs}`;
    try {
      // A full Redis refuses SET, but not to prolong what is there.
      const prolonged = await calls.command('presence', this.#key, ['PEXPIRE', this.#key, ttl]);
      if (prolonged === 0) await calls.command('presence', this.#key, ['SET', this.#key, '1', 'PX', ttl]);
    } catch {
      // Redis is away, which others say; the next beat tries again.
    }
  }
}
