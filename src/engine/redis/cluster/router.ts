import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, formatAddress, namedAddress } from '../connection/address.ts';
import type { RedisError } from '../connection/reply.ts';
import type { Discover, Layout } from './discovery.ts';
import { Shard, type ShardContext, type ShardEvents } from './shard.ts';
import { SLOTS } from './slots.ts';

export interface RouterOptions {
  readonly discover: Discover;
  readonly context: ShardContext;
  /** Callbacks for the events of a new shard. */
  readonly eventsOf: (shard: () => Shard) => ShardEvents;
  /** Some slots belong to another shard now. */
  readonly onSlotsMoved: () => void;
}

/** Pause between two discoveries, however many are asked for. */
const REFRESH_MIN_MS = 100;

/** Knows the shard of each slot, and asks again when a shard is lost or reports a moved slot. */
export class Router {
  readonly #options: RouterOptions;
  readonly #shards = new Map<string, Shard>();
  readonly #bySlot: (Shard | undefined)[] = new Array<Shard | undefined>(SLOTS).fill(undefined);
  /** The shards in `#bySlot`, until a slot moves: asked for at each probe and health check. */
  #withSlots: readonly Shard[] | null = null;
  readonly #timer: NodeJS.Timeout;
  #refreshing: Promise<void> | null = null;
  #closed = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    const { discoverEveryMs } = options.context.timings;
    this.#timer = setInterval(() => this.refresh(), discoverEveryMs).unref();
  }

  /** @throws Error if no server tells the layout */
  async start(): Promise<void> {
    this.#apply(await this.#options.discover([]));
  }

  /** Every shard that has slots. */
  get shards(): readonly Shard[] {
    this.#withSlots ??= [...new Set(this.#bySlot)].filter((shard) => shard !== undefined);
    return this.#withSlots;
  }

  /** Undefined while no shard is known to have the slot. */
  shardOf(slot: number): Shard | undefined {
    return this.#bySlot[slot];
  }

  /** The shard at an address that a redirection named. */
  shardAt(address: Address): Shard {
    const name = formatAddress(address);
    const known = this.#shards.get(name);
    if (known !== undefined) return known;
    const events: ShardEvents = this.#options.eventsOf(() => shard);
    const shard: Shard = new Shard(address, this.#options.context, events);
    this.#shards.set(name, shard);
    return shard;
  }

  /** A shard has redirected a slot to another one: believed at once, then the whole layout is asked for. */
  moved(slot: number, address: Address): void {
    if (this.#closed) return;
    const shard = this.shardAt(address);
    const changed = this.#bySlot[slot] !== shard;
    this.#bySlot[slot] = shard;
    if (changed) this.#slotsMoved();
    this.refresh();
  }

  /** Asks for the layout, unless that is under way. */
  refresh(): void {
    if (this.#closed || this.#refreshing !== null) return;
    this.#refreshing = this.#discover().finally(() => {
      this.#refreshing = null;
    });
  }

  close(reason: string): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const shard of this.#shards.values()) shard.close(reason);
  }

  async #discover(): Promise<void> {
    const { context, discover } = this.#options;
    const shards = this.shards;
    // Ready servers first: one that hangs would cost its timeout.
    const known = [...shards.filter((shard) => shard.ready), ...shards.filter((shard) => !shard.ready)];
    try {
      const layout = await discover(known.map(({ address }) => address));
      if (!this.#closed) this.#apply(layout);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      context.observer.log('warn', 'Redis master discovery failed', { reason });
    }
    await sleep(REFRESH_MIN_MS, undefined, { ref: false });
  }

  #apply(layout: Layout): void {
    let changed = false;
    const named = new Set<Shard>();
    for (const { address, slots } of layout.masters) {
      const shard = this.shardAt(address);
      named.add(shard);
      for (const [from, to] of slots) {
        for (let slot = from; slot <= to; slot += 1) {
          changed ||= this.#bySlot[slot] !== shard;
          this.#bySlot[slot] = shard;
        }
      }
    }
    if (changed) this.#slotsMoved();
    // Drop shards without slots. (A shard that a redirection named may be ahead of the server that was asked.)
    for (const [name, shard] of this.#shards) {
      if (this.shards.includes(shard) || named.has(shard)) continue;
      this.#shards.delete(name);
      shard.close(`${name} is not a master any more`);
    }
  }

  #slotsMoved(): void {
    this.#withSlots = null;
    this.#options.onSlotsMoved();
  }
}

/** Reads `MOVED 3999 127.0.0.1:6381` or `ASK …`. */
export function redirection(error: RedisError, from: Pick<Shard, 'address'>): Address {
  const target = error.message.split(' ')[2] ?? '';
  const colon = target.lastIndexOf(':');
  return namedAddress(target.slice(0, colon), Number(target.slice(colon + 1)), from.address);
}
