import { setTimeout as sleep } from 'node:timers/promises';
import { EngineUnavailable } from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import { type Argument, RedisError, type Reply } from '../connection/reply.ts';
import type { Script } from '../scripts.ts';
import type { Timings } from '../timings.ts';
import { type Router, redirection } from './router.ts';
import type { Shard } from './shard.ts';
import { slotOf } from './slots.ts';

export interface Call {
  readonly script: Script;
  /** All in one slot. */
  readonly keys: readonly [string, ...string[]];
  /** Computed for each attempt: deadlines are in the time of the shard that will read them. */
  readonly args: (shard: Shard) => readonly Argument[];
  readonly durable?: boolean;
}

interface Target {
  /** For metrics: one of a small, fixed set. */
  readonly verb: string;
  readonly slot: number;
  readonly send: (shard: Shard, how: How) => Promise<Reply>;
}

/** How to send an attempt: as the last answer asked for. */
interface How {
  /** The shard that imports the slot, to be asked behind an ASKING. */
  readonly asked: Shard | null;
  /** The shard has lost its scripts: send the source. */
  readonly withSource: boolean;
}

export interface CallsOptions {
  readonly router: Router;
  readonly timings: Timings;
  readonly observer: EngineObserver;
}

/** Attempts of one call, the first included: a moving slot needs one or two more. */
const ATTEMPTS_MAX = 8;
const PAUSE_MS = 20;
/** Refusals after which nothing has happened, and the same call may be made again. */
const PASSING = new Set([
  'NOSCRIPT',
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'BUSY',
  'READONLY',
]);
/** Redis takes no writes at the moment. */
const REFUSING = new Set(['OOM', 'MISCONF', 'NOREPLICAS']);

/**
 * Calls scripts on the right shard. Only a call that Redis has refused is repeated, here and in bounds, so that a caller
 * with one call in flight per pair keeps its order. After a lost connection or a missing answer nothing is repeated:
 * the caller learns that the outcome is not known.
 */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Runs a script on the shard of its keys. @throws EngineUnavailable */
  run(call: Call): Promise<Reply> {
    const { script, keys, args, durable = false } = call;
    const send = (shard: Shard, { asked, withSource }: How) =>
      shard.run({ script, keys, args: args(shard), asking: asked !== null, withSource, durable });
    return this.#call({ verb: script.name, slot: slotOf(keys[0]), send });
  }

  /** Runs a plain command on the shard of its key. @throws EngineUnavailable */
  command(verb: string, key: string, args: readonly Argument[]): Promise<Reply> {
    const send = (shard: Shard, { asked }: How) => shard.command(args, asked !== null);
    return this.#call({ verb, slot: slotOf(key), send });
  }

  /** Corrects the estimated time of this key's shard. @throws EngineUnavailable */
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
    const { router, timings, observer } = this.#options;
    const { verb, slot, send } = target;
    const startedMs = performance.now();
    const shard = router.shardOf(slot);
    try {
      // A first attempt never waits: without a connection it fails at once.
      if (shard?.ready !== true) throw unavailable(slot, shard);
      const reply = await send(shard, FIRST);
      if (shard.refusal !== null) clearRefusal(shard, verb);
      observer.answered(verb, performance.now() - startedMs);
      return reply;
    } catch (error) {
      return this.#again(target, { error, shard, startedMs, deadlineMs: startedMs + timings.callTimeoutMs });
    }
  }

  /** After a failed attempt: repeats what Redis has refused for the moment; everything else is an error. */
  async #again(target: Target, failed: Failed): Promise<Reply> {
    const { observer } = this.#options;
    const { verb, slot, send } = target;
    const { startedMs, deadlineMs } = failed;
    let { error, shard } = failed;
    let how: How = FIRST;
    try {
      for (let attempt = 2; ; attempt += 1) {
        if (!(error instanceof RedisError) || shard === undefined) throw error;
        if (REFUSING.has(error.kind)) shard.refusal = error.message;
        if (!PASSING.has(error.kind)) throw error;
        how = this.#follow(error, { slot, shard, how });
        if (attempt > ATTEMPTS_MAX || performance.now() + PAUSE_MS > deadlineMs) throw error;
        if (!AT_ONCE.has(error.kind)) await sleep(PAUSE_MS * attempt);
        shard = await this.#shard(slot, how.asked, deadlineMs);
        try {
          const reply = await send(shard, how);
          observer.answered(verb, performance.now() - startedMs);
          return reply;
        } catch (next) {
          error = next;
        }
      }
    } catch (last) {
      observer.failed(verb);
      if (last instanceof EngineUnavailable) throw last;
      const reason = last instanceof Error ? last.message : String(last);
      if (!(last instanceof RedisError) || !(PASSING.has(last.kind) || REFUSING.has(last.kind))) {
        observer.log('error', 'Redis refused a call', { verb, reason });
      }
      throw new EngineUnavailable(shard === undefined ? reason : `${shard.name}: ${reason}`);
    }
  }

  async #shard(slot: number, asked: Shard | null, deadlineMs: number): Promise<Shard> {
    for (;;) {
      const shard = asked ?? this.#options.router.shardOf(slot);
      if (shard?.ready === true) return shard;
      if (performance.now() > deadlineMs) throw unavailable(slot, shard);
      await sleep(PAUSE_MS);
    }
  }

  /** Acts on a refusal. Returns how to send the next attempt. */
  #follow(error: RedisError, { slot, shard, how }: { slot: number; shard: Shard; how: How }): How {
    const { router } = this.#options;
    // With its source the call cannot miss its script again. If it runs late or twice, the fence makes that harmless.
    if (error.kind === 'NOSCRIPT') return { asked: how.asked, withSource: true };
    if (error.kind === 'ASK') return { asked: router.shardAt(redirection(error, shard)), withSource: false };
    if (error.kind === 'MOVED') router.moved(slot, redirection(error, shard));
    else if (error.kind === 'READONLY') shard.reset(`${shard.name} is a replica now`);
    if (error.kind !== 'TRYAGAIN' && error.kind !== 'BUSY') router.refresh();
    return FIRST;
  }
}

interface Failed {
  readonly error: unknown;
  readonly shard: Shard | undefined;
  readonly startedMs: number;
  readonly deadlineMs: number;
}

const FIRST: How = { asked: null, withSource: false };
/** Refusals that say what to do instead of waiting. */
const AT_ONCE = new Set(['NOSCRIPT', 'MOVED', 'ASK']);

function unavailable(slot: number, shard: Shard | undefined): EngineUnavailable {
  return new EngineUnavailable(
    shard === undefined ? `no Redis server has slot ${slot}` : `${shard.name}: ${shard.reason}`,
  );
}

/** A full Redis runs every other script: only a deliver shows that there is room again. */
function clearRefusal(shard: Shard, verb: string): void {
  if (verb === 'deliver' || shard.refusal?.startsWith('OOM') !== true) shard.refusal = null;
}
