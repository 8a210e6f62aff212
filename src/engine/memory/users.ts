import { randomBytes } from 'node:crypto';
import { codeFromRandom } from '../../protocol/codes.ts';
import { UNCLAIMED_TTL_MS } from '../bounds.ts';
import { formatCreatedAt } from '../created-at.ts';
import type { DeliverOutcome, RegisterResult, Registration, Unconfirmed, User } from '../engine.ts';
import type { PushSubscription } from '../verbs/subscriptions.ts';
import { Hearing } from './hearing.ts';
import { Mailbox } from './mailbox.ts';
import type { PublishedPrekeys } from './prekeys.ts';
import { Seen } from './seen.ts';

interface Fence {
  readonly epoch: number;
  readonly number: number;
  readonly outcomes: readonly DeliverOutcome[];
  readonly expiresAtMs: number;
}

/** Everything that belongs to one user. */
export class UserRecord {
  user: User;
  claimed = false;
  minProtocol: 1 | 2 = 1;
  readonly unclaimedUntilMs: number;
  /** Grows with every claim. */
  epoch = 0;
  /** The valid session; null between a release and the next claim. */
  token: string | null = null;
  /** When the last session ended; 0 before. */
  endedMs = 0;
  /** Noted by the last session that ended: see `release`. */
  unconfirmed: Unconfirmed | null = null;
  readonly mailbox = new Mailbox();
  readonly seen = new Seen();
  readonly hearing = new Hearing();
  /** By endpoint, the one that was not renewed for longest first. */
  readonly subscriptions = new Map<string, PushSubscription>();
  subscribedUntilMs = 0;
  /** Null until the user publishes some. */
  prekeys: PublishedPrekeys | null = null;
  /** Kept until the next login or the end of the ban, whichever an operator or the user brings about. */
  ban: Ban | null = null;
  /** By sender: the last batch that was decided here. */
  readonly fences = new Map<string, Fence>();

  constructor(user: User, unclaimedUntilMs: number) {
    this.user = user;
    this.unclaimedUntilMs = unclaimedUntilMs;
  }

  /** The ban, if it still holds. */
  banned(nowMs: number): Ban | null {
    const { ban } = this;
    return ban === null || (ban.untilMs !== null && nowMs >= ban.untilMs) ? null : ban;
  }
}

interface Ban {
  /** Null: for ever. */
  readonly untilMs: number | null;
  readonly reason: string;
}

export class Users {
  readonly #maxUsers: number;
  readonly #byCode = new Map<string, UserRecord>();
  /** Codes of accounts that were deleted. */
  readonly #gone = new Set<string>();
  readonly #byKey = new Map<string, UserRecord>();
  /** In the order of registration, which is the order of their expiry. */
  readonly #unclaimed = new Set<UserRecord>();
  #lastId = 0;

  constructor(maxUsers: number) {
    this.#maxUsers = maxUsers;
  }

  find(code: string, nowMs: number): UserRecord | undefined {
    this.dropExpired(nowMs);
    return this.#byCode.get(code);
  }

  /** Null if the Ed25519 key is not registered. */
  registered(registration: Registration, nowMs: number): RegisterResult | null {
    this.dropExpired(nowMs);
    const known = this.#byKey.get(registration.eddsaPublicKey);
    return known === undefined ? null : this.#again(known, registration);
  }

  claim(record: UserRecord): void {
    record.claimed = true;
    this.#unclaimed.delete(record);
  }

  codeOf(eddsaPublicKey: string): string | null {
    return this.#byKey.get(eddsaPublicKey)?.user.code ?? null;
  }

  all(): Iterable<UserRecord> {
    return this.#byCode.values();
  }

  /** The user; `gone` if the account of this code was deleted; null if there never was one. */
  lookUp(code: string, nowMs: number): UserRecord | 'gone' | null {
    return this.find(code, nowMs) ?? (this.#gone.has(code) ? 'gone' : null);
  }

  /** The code is never given again. */
  remove(record: UserRecord): void {
    const { code, eddsaPublicKey } = record.user;
    this.#unclaimed.delete(record);
    this.#byCode.delete(code);
    this.#byKey.delete(eddsaPublicKey);
    this.#gone.add(code);
  }

  /** Drops accounts that were not claimed in time, with their mailboxes. */
  dropExpired(nowMs: number): void {
    for (const record of this.#unclaimed) {
      if (record.unclaimedUntilMs > nowMs) return;
      this.#unclaimed.delete(record);
      this.#byCode.delete(record.user.code);
      this.#byKey.delete(record.user.eddsaPublicKey);
    }
  }

  /** The Ed25519 key must not be registered. */
  create(registration: Registration, nowMs: number): RegisterResult {
    if (this.#byCode.size >= this.#maxUsers) {
      const [next] = this.#unclaimed;
      const expiryInMs = next === undefined ? null : next.unclaimedUntilMs - nowMs;
      return { outcome: 'full', why: 'users', expiryInMs };
    }
    this.#lastId += 1;
    const user: User = {
      id: this.#lastId,
      code: this.#freeCode(),
      name: registration.name,
      ecdhPublicKey: registration.ecdhPublicKey,
      eddsaPublicKey: registration.eddsaPublicKey,
      proof: registration.proof,
      createdAt: formatCreatedAt(Math.floor(nowMs * 1000)),
    };
    const record = new UserRecord(user, nowMs + UNCLAIMED_TTL_MS);
    this.#byCode.set(user.code, record);
    this.#byKey.set(user.eddsaPublicKey, record);
    this.#unclaimed.add(record);
    if (registration.proof !== null) this.claim(record);
    return { outcome: 'created', user };
  }

  #again(record: UserRecord, registration: Registration): RegisterResult {
    const samePair = record.user.ecdhPublicKey === registration.ecdhPublicKey;
    if (!samePair && record.claimed) return { outcome: 'claimed' };
    if (!samePair && registration.proof === null) return { outcome: 'unproven' };
    if (!samePair) {
      // The proof shows the owner of the key: a squatter loses the account; its code and id stay.
      const { ecdhPublicKey, name, proof } = registration;
      record.user = { ...record.user, ecdhPublicKey, name, proof };
    }
    if (registration.proof !== null) {
      record.user = { ...record.user, proof: record.user.proof ?? registration.proof };
      this.claim(record);
    }
    return { outcome: samePair ? 'existing' : 'replaced', user: record.user };
  }

  #freeCode(): string {
    for (;;) {
      const code = codeFromRandom(randomBytes(7));
      if (!this.#byCode.has(code) && !this.#gone.has(code)) return code;
    }
  }
}
