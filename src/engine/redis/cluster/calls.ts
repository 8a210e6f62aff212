import { setTimeout as sleep } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../../protocol/back-off.ts';
import { EngineUnavailable } from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import { type Argument, RedisError, type Reply } from '../connection/reply.ts';
import type { Script } from '../scripts.ts';
import type { Timings } from '../timings.ts';
import type { Conditions } from './conditions.ts';
import { keyIsMoving, mayPass, refusesWrites } from './refusals.ts';
import { type Router, redirection } from './router.ts';
import type { Shard } from './shard.ts';
import { slotOf } from './slots.ts';

export interface Call {
  readonly script: Script;
  /** The one key that the script declares. */
  readonly key: string;
  /** Other keys of the slot that the script may access. */
  readonly beside?: () => readonly string[];
  /** Computed for each attempt: deadlines are in the time of the shard that will read them. */
  readonly args: (shard: Shard) => readonly Argument[];
  readonly durable?: boolean;
}

interface Target {
  /** For metrics: one of a small, fixed set. */
  readonly verb: string;
  readonly slot: number;
  readonly beside: () => readonly string[];
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
  readonly conditions: Conditions;
}

/** Pauses between attempts double up to the longest: a slot may move for as long as a call may take, and longer. */
const PAUSE_MIN_MS = 20;
/** Calls that met the same moving slot do not come back together. */
const PAUSE: BackOff = { firstMs: PAUSE_MIN_MS, maxMs: 250, jitter: 'half' };

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

  /** Runs a script on the shard of its key. @throws EngineUnavailable */
  run(call: Call): Promise<Reply> {
    const { script, key, beside = NONE, args, durable = false } = call;
    const send = (shard: Shard, { asked, withSource }: How) =>
      shard.run({ script, key, args: args(shard), asking: asked !== null, withSource, durable });
    return this.#call({ verb: script.name, slot: slotOf(key), beside, send });
  }

  /** Runs a plain command on the shard of its key. @throws EngineUnavailable */
  command(verb: string, key: string, args: readonly Argument[]): Promise<Reply> {
    const send = (shard: Shard, { asked }: How) => shard.command(args, asked !== null);
    return this.#call({ verb, slot: slotOf(key), beside: NONE, send });
  }

  /** Corrects the estimated time of this key's shard. @throws EngineUnavailable */
  async askTime(key: string): Promise<void> {
    await this.#call({
      verb: 'time',
      slot: slotOf(key),
      beside: NONE,
      send: async (shard) => {
        await shard.askTime();
        return null;
      },
    });
  }

  async #call(target: Target): Promise<Reply> {
    const { router, timings, observer, conditions } = this.#options;
    const { verb, slot, send } = target;
    const startedMs = performance.now();
    const shard = router.shardOf(slot);
    try {
      // A first attempt never waits: without a connection it fails at once.
      if (shard?.ready !== true) throw unavailable(slot, shard);
      const reply = await send(shard, FIRST);
      if (shard.refusal !== null) clearRefusal(shard, verb);
      conditions.worked(shard.name, verb);
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
        if (refusesWrites(error)) shard.refusal = error.message;
        if (!mayPass(error)) throw error;
        how = await this.#follow(error, { target, shard, how });
        const pauseMs = how === WAIT ? backOffMs(PAUSE, attempt - 2) : 0;
        if (attempt > ATTEMPTS_MAX || performance.now() + pauseMs > deadlineMs) throw error;
        if (pauseMs > 0) await sleep(pauseMs);
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
      if (last instanceof RedisError && shard !== undefined && !mayPass(last))
        this.#options.conditions.refused({ shard: shard.name, verb, reason });
      throw new EngineUnavailable(shard === undefined ? reason : `${shard.name}: ${reason}`);
    }
  }

  async #shard(slot: number, asked: Shard | null, deadlineMs: number): Promise<Shard> {
    for (;;) {
      const shard = asked ?? this.#options.router.shardOf(slot);
      if (shard?.ready === true) return shard;
      if (performance.now() > deadlineMs) throw unavailable(slot, shard);
      await sleep(PAUSE_MIN_MS);
    }
  }

  /** Acts on a refusal. Returns how to send the next attempt. */
  async #follow(error: RedisError, refused: { target: Target; shard: Shard; how: How }): Promise<How> {
    const { router } = this.#options;
    const { target, shard, how } = refused;
    // With its source the call cannot miss its script again. If it runs late or twice, the fence makes that harmless.
    if (error.kind === 'NOSCRIPT') return { asked: how.asked, withSource: true };
    if (error.kind === 'ASK') {
      const moved = await allHaveMoved(shard, target.beside());
      return moved ? { asked: router.shardAt(redirection(error, shard)), withSource: false } : WAIT;
    }
    if (error.kind === 'MOVED') {
      router.moved(target.slot, redirection(error, shard));
      return { asked: null, withSource: false };
    }
    if (error.kind === 'READONLY') shard.reset(`${shard.name} is a replica now`);
    if (!(error.kind === 'TRYAGAIN' || error.kind === 'BUSY' || keyIsMoving(error))) router.refresh();
    return WAIT;
  }
}

/**
 * Whether none of these keys is at the shard that gives their slot away. The shard that imports it takes a missing key
 * for one that does not exist: a script there must not run before all keys of its user have moved. Keys move one way
 * only, and none is created at the shard that gives the slot away, so the answer stays true.
 */
async function allHaveMoved(shard: Shard, keys: readonly string[]): Promise<boolean> {
  const still = await Promise.all(keys.map((key) => isAt(shard, key)));
  return !still.includes(true);
}

async function isAt(shard: Shard, key: string): Promise<boolean> {
  try {
    return (await shard.command(['EXISTS', key])) === 1;
  } catch (error) {
    if (error instanceof RedisError && (error.kind === 'ASK' || error.kind === 'MOVED')) return false;
    throw error;
  }
}

interface Failed {
  readonly error: unknown;
  readonly shard: Shard | undefined;
  readonly startedMs: number;
  readonly deadlineMs: number;
}

const FIRST: How = { asked: null, withSource: false };
const NONE = (): readonly string[] => [];
/** As at first, after a pause. */
const WAIT: How = { asked: null, withSource: false };
/** A bound beside the deadline. */
const ATTEMPTS_MAX = 32;

function unavailable(slot: number, shard: Shard | undefined): EngineUnavailable {
  return new EngineUnavailable(
    shard === undefined ? `no Redis server has slot ${slot}` : `${shard.name}: ${shard.reason}`,
  );
}

/** A full Redis runs every other script: only a deliver shows that there is room again. */
function clearRefusal(shard: Shard, verb: string): void {
  if (verb === 'deliver' || shard.refusal?.startsWith('OOM') !== true) shard.refusal = null;
}
