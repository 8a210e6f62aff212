import { ClientError } from '../errors.ts';
import { Batch, type Records } from '../storage/records.ts';
import { type Fetch, lookup, register, type User } from './directory.ts';
import type { Endpoints } from './endpoints.ts';
import type { Identity } from './identity.ts';

export interface AccountOptions {
  readonly identity: Identity;
  readonly endpoints: Endpoints;
  readonly records: Records;
  readonly fetch: Fetch | undefined;
  readonly name: string | undefined;
  readonly invite: string | undefined;
  /** The client has ended. */
  readonly ended: AbortSignal;
}

/** This identity's user at this relay. */
export class Account {
  readonly #options: AccountOptions;
  #user: User | null;
  #registering: Promise<User> | null = null;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.#user = options.records.get<User>('account') ?? null;
  }

  /** Null until the relay has assigned a code. */
  get user(): User | null {
    return this.#user;
  }

  async register(): Promise<User> {
    if (this.#user !== null) return this.#user;
    // The connection and the program may ask at the same time.
    this.#registering ??= this.#register().finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  lookup(code: string, signal?: AbortSignal): Promise<User> {
    const { endpoints, fetch } = this.#options;
    return lookup(code, { endpoints, fetch, signal });
  }

  /** Whether the relay still knows this user: asked after it has refused a login. */
  async isKnown(): Promise<boolean> {
    try {
      const { eddsaPublicKey } = await this.lookup(this.#user?.code ?? '');
      return eddsaPublicKey === this.#options.identity.eddsaPublicKey;
    } catch (error) {
      if (error instanceof ClientError && error.code === 'user_unknown') return false;
      throw error;
    }
  }

  /** The relay has another X25519 key for this user now. */
  async rotated(ecdhPublicKey: string): Promise<void> {
    if (this.#user === null) return;
    this.#user = { ...this.#user, ecdhPublicKey };
    const batch = new Batch();
    batch.set('account', this.#user);
    await this.#options.records.commit(batch);
  }

  async #register(): Promise<User> {
    const { identity, records, ended, ...rest } = this.#options;
    const user = await register(identity, { ...rest, signal: ended });
    const batch = new Batch();
    batch.set('account', user);
    await records.commit(batch);
    this.#user = user;
    return user;
  }
}
