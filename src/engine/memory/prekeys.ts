import { randomBytes } from 'node:crypto';
import { PREKEY_CLAIM_MS, PREKEY_CLAIMS_MAX } from '../bounds.ts';
import type { SessionKey, SessionState } from '../engine.ts';
import type {
  PrekeyClaim,
  PrekeyClaimRequest,
  PrekeyState,
  Prekeys,
  PublishResult,
  SignedPrekeys,
} from '../verbs/prekeys.ts';

/** What a user's record has of them. */
interface Owner {
  prekeys: PublishedPrekeys | null;
  banned(nowMs: number): object | null;
}

/** The batch of one user, and what was given of it. */
export interface PublishedPrekeys {
  readonly batch: SignedPrekeys;
  /** The first key that was not given. */
  readonly next: number;
  /** By claimer, oldest first; also of batches before this one. */
  readonly claims: ReadonlyMap<string, Claim>;
}

interface Claim {
  readonly id: string;
  readonly generation: number;
  readonly index: number;
  readonly atMs: number;
}

export interface MemoryPrekeysOptions {
  readonly held: (session: SessionKey) => Owner | Exclude<SessionState, 'held'>;
  readonly find: (code: string) => Owner | undefined;
  readonly now: () => number;
}

export class MemoryPrekeys implements Prekeys {
  readonly #options: MemoryPrekeysOptions;
  /** One process is one history. */
  readonly #store = randomBytes(4).toString('hex');

  constructor(options: MemoryPrekeysOptions) {
    this.#options = options;
  }

  stateOf({ prekeys }: Owner): PrekeyState {
    const { batch, next } = prekeys ?? { batch: { generation: 0, keys: [] }, next: 0 };
    return { generation: batch.generation, left: batch.keys.length - next, store: this.#store };
  }

  async publish(session: SessionKey, batch: SignedPrekeys, store: string): Promise<PublishResult> {
    const user = this.#options.held(session);
    if (typeof user === 'string') return user;
    const before = user.prekeys;
    if (before !== null && before.batch.signature === batch.signature) return 'done';
    if (store !== this.#store) return 'elsewhere';
    if (before !== null && before.batch.generation >= batch.generation) return 'stale';
    user.prekeys = { batch, next: 0, claims: before?.claims ?? new Map() };
    return 'done';
  }

  async claim({ code, claimer, id }: PrekeyClaimRequest): Promise<PrekeyClaim> {
    const nowMs = this.#options.now();
    const user = this.#options.find(code);
    if (user === undefined || user.banned(nowMs) !== null) return { outcome: 'unknown_user' };
    if (user.prekeys === null) return { outcome: 'none' };
    const { batch, next } = user.prekeys;
    const claims = new Map([...user.prekeys.claims].filter(([, { atMs }]) => nowMs - atMs < PREKEY_CLAIM_MS));
    const before = claims.get(claimer);
    if (before !== undefined) {
      const same = before.id === id && before.generation === batch.generation;
      return { outcome: 'claimed', batch, index: same ? before.index : null };
    }
    if (next >= batch.keys.length || claims.size >= PREKEY_CLAIMS_MAX)
      return { outcome: 'claimed', batch, index: null };
    claims.set(claimer, { id, generation: batch.generation, index: next, atMs: nowMs });
    user.prekeys = { batch, next: next + 1, claims };
    return { outcome: 'claimed', batch, index: next };
  }
}
