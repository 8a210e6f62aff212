import { setTimeout as sleep } from 'node:timers/promises';
import { EngineUnavailable } from '../engine.ts';
import type { EngineObserver } from '../observer.ts';
import { type Argument, RedisError, type Reply } from './reply.ts';
import { type Router, redirection } from './router.ts';
import type { Script } from './scripts.ts';
import type { Shard } from './shard.ts';
import { slotOf } from './slots.ts';
import type { Timings } from './timings.ts';

export interface Call {
  readonly script: Script;
  /** All of one slot. */
  readonly keys: readonly [string, ...string[]];
  /** Made anew for each attempt: deadlines are by the clock of the shard that will read them. */
  readonly args: (shard: Shard) => readonly Argument[];
  readonly durable?: boolean;
}

interface Target {
  /** For metrics: one of a small, fixed set. */
  readonly verb: string;
  readonly slot: number;
  readonly send: (shard: Shard, asking: boolean) => Promise<Reply>;
}

export interface CallsOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
}

/** Attempts of one call, the first included: a slot on its way is redirected to once or twice. */
const ATTEMPTS_MAX = 8;
const PAUSE_MS = 20;
/** Redis took the call for later, or for elsewhere: nothing has happened, and the same call may be made again. */
const PASSING = new Set([
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'BUSY',
  'READONLY',
]);
/** Redis takes no writes for the time being. */
const REFUSING = new Set(['OOM', 'MISCONF', 'NOREPLICAS']);

/**
 * Makes script calls on the right shard. Only what Redis has answered with a refusal is repeated, by us, in bounds,
 * as the same call: a caller with one call in flight per pair keeps its order. A lost connection or a missing answer
 * is never repeated: whether the call took place is not known, and that is what the caller is told.
 */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Runs a script on the shard of its keys. @throws EngineUnavailable */
  run(call: Call): Promise<Reply> {
    const { script, keys, args, durable = false } = call;
    const send = (shard: Shard, asking: boolean) =>
      shard.run({ script, keys, args: args(shard), asking, durable });
    return this.#call({ verb: script.name, slot: slotOf(keys[0]), send });
  }

  /** Runs a plain command on the shard of its key. @throws EngineUnavailable */
  command(verb: string, key: string, args: readonly Argument[]): Promise<Reply> {
    const send = (shard: Shard, asking: boolean) => shard.command(args, asking);
    return this.#call({ verb, slot: slotOf(key), send });
  }

  /** Corrects what the shard of this key is believed to show as time. @throws EngineUnavailable */
  async askTime(key: string): Promise<void> {
    await this.#call({
      verb: 'time',
      slot: slotOf(key),
      send: async (shard) => {
        await shard.askTime();
        return null;
      },
    });
  }

  async #call(target: Target): Promise<Reply> {
    const { timings, observer } = this.#options;
    const { verb } = target;
    const startedMs = performance.now();
    try {
      const reply = await this.#attempt(target, startedMs + timings.callTimeoutMs);
      observer.answered(verb, performance.now() - startedMs);
      return reply;
    } catch (error) {
      observer.failed(verb);
      if (error instanceof EngineUnavailable) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      observer.log('error', 'Redis refused a call', { verb, reason });
      throw new EngineUnavailable(reason);
    }
  }

  async #attempt({ verb, slot, send }: Target, deadlineMs: number): Promise<Reply> {
    let asked: Shard | null = null;
    for (let attempt = 1; ; attempt += 1) {
      // After a redirection the shard may be one that is only just being connected to; a first attempt never waits.
      const shard = await this.#shard(slot, asked, attempt === 1 ? 0 : deadlineMs);
      try {
        const reply = await send(shard, asked !== null);
        // A full Redis runs every other script: only a deliver shows that there is room again.
        if (shard.refusal !== null && (verb === 'deliver' || !shard.refusal.startsWith('OOM'))) {
          shard.refusal = null;
        }
        return reply;
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        if (REFUSING.has(error.kind)) shard.refusal = error.message;
        const over = attempt === ATTEMPTS_MAX || performance.now() + PAUSE_MS > deadlineMs;
        if (!PASSING.has(error.kind)) throw new EngineUnavailable(`${shard.name}: ${error.message}`);
        asked = this.#follow(error, slot, shard);
        if (over) throw new EngineUnavailable(`${shard.name}: ${error.message}`);
        if (asked === null && error.kind !== 'MOVED') await sleep(PAUSE_MS * attempt);
      }
    }
  }

  async #shard(slot: number, asked: Shard | null, deadlineMs: number): Promise<Shard> {
    for (;;) {
      const shard = asked ?? this.#options.router.shardOf(slot);
      if (shard?.ready === true) return shard;
      if (performance.now() > deadlineMs) {
        throw new EngineUnavailable(
          shard === undefined ? `no Redis server has slot ${slot}` : `${shard.name}: ${shard.reason}`,
        );
      }
      await sleep(PAUSE_MS);
    }
  }

  /** Takes note of a refusal. Returns the shard to ask by ASKING, or null. */
  #follow(error: RedisError, slot: number, shard: Shard): Shard | null {
    const { router } = this.#options;
    if (error.kind === 'ASK') return router.shardAt(redirection(error, shard));
    if (error.kind === 'MOVED') router.moved(slot, redirection(error, shard));
    else if (error.kind === 'READONLY') shard.reset(`${shard.name} is a replica now`);
    if (error.kind !== 'TRYAGAIN' && error.kind !== 'BUSY') router.refresh();
    return null;
  }
}
