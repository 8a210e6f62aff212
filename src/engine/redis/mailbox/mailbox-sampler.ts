import type { EngineObserver } from '../../observer.ts';
import type { Router } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import type { Reply } from '../connection/reply.ts';
import type { Timings } from '../timings.ts';
import { inboxKey } from './store.ts';

export interface MailboxSamplerOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
}

/** Keys that are drawn of each shard: an error of a tenth where one key in ten is a mailbox. Half a millisecond. */
const DRAWN = 1_000;
/** What every mailbox key begins with. */
const PREFIX = inboxKey('').slice(0, -1);

/**
 * Estimates how many mailboxes hold mail, and how much, from keys drawn at random: counting would mean walking through
 * all keys, or one more counter that every deliver has to write.
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
    // Half a sum would look like mail that has gone.
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
        ...Array.from({ length: DRAWN }, () => shard.command(['RANDOMKEY'])),
      ]);
      const mailboxes = drawn.map(String).filter((key) => key.startsWith(PREFIX));
      const lengths: Reply[] = await Promise.all(mailboxes.map((key) => shard.command(['XLEN', key])));
      const each = Number(size) / DRAWN;
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
