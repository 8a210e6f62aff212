import { EngineUnavailable, type SessionKey } from '../../engine.ts';
import type {
  PrekeyClaim,
  PrekeyClaimRequest,
  Prekeys,
  PublishResult,
  SignedPrekeys,
} from '../../verbs/prekeys.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import type { Store } from '../mailbox/store.ts';
import { keysBesideUser, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';
import { packBatch, unpackBatch } from './batch.ts';

export interface RedisPrekeysOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly store: Store;
  /** A claim is answered once the replicas have it. */
  readonly durable: boolean;
}

/** See `Prekeys`; lua/prekeys/state.lua tells what stands where. */
export class RedisPrekeys implements Prekeys {
  readonly #options: RedisPrekeysOptions;

  constructor(options: RedisPrekeysOptions) {
    this.#options = options;
  }

  async publish(session: SessionKey, batch: SignedPrekeys, history: string): Promise<PublishResult> {
    const { scripts, store } = this.#options;
    const args = [`${batch.generation}`, `${batch.keys.length}`, packBatch(batch), history];
    const ran = await store.runHeld(scripts['prekeys/publish'], session, () => args);
    if ('lost' in ran) return ran.lost;
    const answer = textOf(ran.reply);
    if (answer === 'done' || answer === 'stale' || answer === 'elsewhere') return answer;
    throw new EngineUnavailable(`prekeys/publish answered ${answer}`);
  }

  async claim({ code, claimer, id }: PrekeyClaimRequest): Promise<PrekeyClaim> {
    const { calls, scripts, durable } = this.#options;
    const reply = await calls.run({
      script: scripts['prekeys/claim'],
      key: userKey(code),
      beside: () => keysBesideUser(code),
      args: () => [claimer, id],
      durable,
    });
    const [answer, generation, batch, index] = listOf(reply);
    switch (textOf(answer ?? null)) {
      case 'unknown':
        return { outcome: 'unknown_user' };
      case 'none':
        return { outcome: 'none' };
      case 'claimed': {
        if (!Buffer.isBuffer(batch)) throw new EngineUnavailable('prekeys/claim answered no batch');
        const position = Number(index);
        return {
          outcome: 'claimed',
          batch: unpackBatch(Number(textOf(generation ?? null)), batch),
          index: position < 0 ? null : position,
        };
      }
      default:
        throw new EngineUnavailable(`prekeys/claim answered ${textOf(answer ?? null)}`);
    }
  }
}
