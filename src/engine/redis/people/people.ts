import type { SessionKey } from '../../engine.ts';
import type { BlocksPage, People, PeopleResult, Policy } from '../../verbs/people.ts';
import { listOf, textOf } from '../connection/reply.ts';
import type { Ran, Store } from '../mailbox/store.ts';
import type { ScriptName, Scripts } from '../scripts.ts';

export interface RedisPeopleOptions {
  readonly scripts: Scripts;
  readonly store: Store;
}

type Verb = Extract<ScriptName, `people/${string}`>;

/** People whom one step of `blocks` looks at. */
const PAGE = 500;
const START = '0';

/** See `People`; lua/people/guard.lua tells what stands where. */
export class RedisPeople implements People {
  readonly #options: RedisPeopleOptions;

  constructor(options: RedisPeopleOptions) {
    this.#options = options;
  }

  block(session: SessionKey, code: string): Promise<PeopleResult> {
    return this.#change('people/block', session, [code]);
  }

  unblock(session: SessionKey, code: string): Promise<PeopleResult> {
    return this.#change('people/unblock', session, [code]);
  }

  setPolicy(session: SessionKey, policy: Policy, known: readonly string[]): Promise<PeopleResult> {
    return this.#change('people/policy', session, [policy, ...known]);
  }

  acquaint(session: SessionKey, codes: readonly string[]): Promise<PeopleResult> {
    return this.#change('people/acquaint', session, codes);
  }

  async blocks(session: SessionKey, after: string | null): Promise<BlocksPage> {
    const args = [after ?? START, `${PAGE}`];
    const ran = await this.#run('people/blocks', session, args);
    if ('lost' in ran) return { state: ran.lost };
    const [, next, ...codes] = listOf(ran.reply).map((each) => textOf(each) ?? '');
    return { state: 'held', codes, next: next === undefined || next === START ? null : next };
  }

  async #change(verb: Verb, session: SessionKey, args: readonly string[]): Promise<PeopleResult> {
    const ran = await this.#run(verb, session, args);
    if ('lost' in ran) return ran.lost;
    return textOf(ran.reply) === 'full' ? 'full' : 'done';
  }

  #run(verb: Verb, session: SessionKey, args: readonly string[]): Promise<Ran> {
    const { scripts, store } = this.#options;
    return store.runHeld(scripts[verb], session, () => args);
  }
}
