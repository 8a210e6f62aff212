import type { EngineObserver } from '../../observer.ts';
import type { Router } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import type { Reply } from '../connection/reply.ts';
import { INBOX_PREFIX } from '../schema.ts';
import type { Timings } from '../timings.ts';

export interface MailboxSamplerOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
}

/** Random keys per shard: an error of 10 % if one key in ten is a mailbox. Takes Redis half a millisecond. */
const KEYS_DRAWN = 1_000;

/**
 * Estimates how many mailboxes hold mail, and how much, from random keys: to count them would take a walk through all
 * keys, or a counter that every deliver has to write.
 */
export class MailboxSampler {
  readonly #options: MailboxSamplerOptions;
  readonly #refused = new Map<Shard, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MailboxSamplerOptions) {
    this.#options = options;
  }

  start(): void {
    const take = () => void this.#take();
    this.#timer = setInterval(take, this.#options.timings.sampleEveryMs).unref();
    take();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #take(): Promise<void> {
    const { router, observer } = this.#options;
    const counts = await Promise.all(router.shards.map((shard) => this.#count(shard)));
    // A sum without one shard would look like mail that has left.
    if (counts.includes(null)) return;
    const sum = (of: (count: Count) => number) =>
      counts.reduce((all, one) => all + (one === null ? 0 : of(one)), 0);
    observer.waiting(
      Math.round(sum(({ mailboxes }) => mailboxes)),
      Math.round(sum(({ envelopes }) => envelopes)),
    );
  }

  /** Null if the shard did not answer. */
  async #count(shard: Shard): Promise<Count | null> {
    if (!shard.ready) return null;
    try {
      const [size, ...drawn] = await Promise.all([
        shard.command(['DBSIZE']),
        ...Array.from({ length: KEYS_DRAWN }, () => shard.command(['RANDOMKEY'])),
      ]);
      const mailboxes = drawn.map(String).filter((key) => key.startsWith(INBOX_PREFIX));
      const lengths: Reply[] = await Promise.all(mailboxes.map((key) => shard.command(['XLEN', key])));
      const each = Number(size) / KEYS_DRAWN;
      this.#refused.delete(shard);
      return {
        mailboxes: mailboxes.length * each,
        envelopes: lengths.reduce((all: number, length) => all + Number(length), 0) * each,
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (shard.ready && this.#refused.get(shard) !== reason) {
        this.#options.observer.log('warn', 'waiting mail cannot be estimated', { shard: shard.name, reason });
      }
      this.#refused.set(shard, reason);
      return null;
    }
  }
}

interface Count {
  readonly mailboxes: number;
  readonly envelopes: number;
}
