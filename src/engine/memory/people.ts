import type { SessionKey, SessionState } from '../engine.ts';
import type { BlocksPage, People, PeopleResult, Policy } from '../verbs/people.ts';
import type { UserRecord } from './users.ts';

export interface MemoryPeopleOptions {
  /** The user of a session that holds, or why it does not. */
  readonly held: (session: SessionKey) => UserRecord | Exclude<SessionState, 'held'>;
  readonly maxBlocks: () => number;
}

export class MemoryPeople implements People {
  readonly #options: MemoryPeopleOptions;

  constructor(options: MemoryPeopleOptions) {
    this.#options = options;
  }

  async block(session: SessionKey, code: string): Promise<PeopleResult> {
    const { held, maxBlocks } = this.#options;
    const user = held(session);
    if (typeof user === 'string') return user;
    return user.hearing.block(code, maxBlocks()) ? 'done' : 'full';
  }

  async unblock(session: SessionKey, code: string): Promise<PeopleResult> {
    const user = this.#options.held(session);
    if (typeof user === 'string') return user;
    user.hearing.unblock(code);
    return 'done';
  }

  async blocks(session: SessionKey): Promise<BlocksPage> {
    const user = this.#options.held(session);
    if (typeof user === 'string') return { state: user };
    return { state: 'held', codes: user.hearing.blocked, next: null };
  }

  async setPolicy(session: SessionKey, policy: Policy, known: readonly string[]): Promise<PeopleResult> {
    const result = await this.acquaint(session, known);
    const user = this.#options.held(session);
    if (result === 'done' && typeof user !== 'string') user.hearing.policy = policy;
    return result;
  }

  async acquaint(session: SessionKey, codes: readonly string[]): Promise<PeopleResult> {
    const { held, maxBlocks } = this.#options;
    const user = held(session);
    if (typeof user === 'string') return user;
    return user.hearing.know(codes, maxBlocks()) ? 'done' : 'full';
  }
}
