import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, EngineLimits, SessionKey } from '../../src/engine/engine.ts';
import { LIMITS, memoryBackend, singleRedis } from './backends.ts';
import { accountOf, envelope, key, newToken, text } from './fixture.ts';

/**
 * The memory engine is simple: maps and arrays. To the same operations Redis must give the same answers. Ids, codes,
 * epochs and times differ, so they are compared by what they stand for: the n-th envelope, user, claim.
 */

/** Small enough to be reached all the time. */
const TIGHT: EngineLimits = {
  ...LIMITS,
  mailboxEnvelopes: 6,
  mailboxBytes: 150,
  mailboxSharePercent: 50,
  maxUsers: 1_000_000,
  maxBlocks: 2,
};
const USERS = 3;
const RUNS = Number(process.env.FC_RUNS ?? 200);

interface Sent {
  readonly text: string;
  readonly id: number | null;
  readonly digest: number;
  readonly request: boolean;
}

type Step =
  | { readonly verb: 'register'; readonly user: number; readonly ecdh: number; readonly proven: boolean }
  | { readonly verb: 'claim'; readonly user: number; readonly protocol: 1 | 2 }
  | {
      readonly verb: 'deliver';
      readonly to: number;
      readonly from: number;
      readonly epoch: number;
      readonly number: number;
      readonly sent: readonly Sent[];
    }
  | {
      readonly verb: 'read';
      readonly claim: number;
      readonly after: number;
      readonly max: number;
      readonly bytes: number;
    }
  | { readonly verb: 'confirm'; readonly claim: number; readonly upTo: number }
  | { readonly verb: 'reclaim'; readonly claim: number; readonly raise: boolean; readonly cursor: number }
  | { readonly verb: 'dead-letter'; readonly claim: number; readonly entry: number }
  | { readonly verb: 'release'; readonly claim: number }
  | {
      readonly verb: 'people';
      readonly claim: number;
      readonly what: 'block' | 'unblock' | 'known' | 'anyone' | 'acquaint';
      readonly who: number;
    };

const user = fc.integer({ min: 0, max: USERS - 1 });
const index = fc.integer({ min: -1, max: 8 });
const sent = fc.record({
  text: fc.string({ maxLength: 30, unit: 'binary' }),
  id: fc.option(fc.integer({ min: 0, max: 3 })),
  digest: fc.integer({ min: 0, max: 1 }),
  request: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('register' as const),
      user,
      ecdh: fc.integer({ min: 0, max: 2 }),
      proven: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('claim' as const),
      user,
      protocol: fc.constantFrom(1 as const, 1 as const, 1 as const, 2 as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      verb: fc.constant('deliver' as const),
      to: user,
      from: fc.integer({ min: 0, max: 2 }),
      epoch: fc.integer({ min: 1, max: 2 }),
      number: fc.integer({ min: 1, max: 12 }),
      sent: fc.array(sent, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constant('read' as const),
      claim: index,
      after: index,
      max: fc.integer({ min: 1, max: 5 }),
      bytes: fc.integer({ min: 0, max: 120 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('confirm' as const), claim: index, upTo: index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('reclaim' as const),
      claim: index,
      raise: fc.boolean(),
      cursor: index,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant('dead-letter' as const), claim: index, entry: index }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('release' as const), claim: index }) },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constant('people' as const),
      claim: index,
      what: fc.constantFrom('block', 'unblock', 'known', 'anyone', 'acquaint'),
      who: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

/** Runs steps on one engine and returns its answers in terms that both engines share. */
class Player {
  readonly #engine: Engine;
  readonly #keys: readonly { ecdh: readonly string[]; eddsa: string }[];
  readonly #codes: string[] = [];
  readonly #claims: SessionKey[] = [];
  /** Every id that a read has shown, in the order of showing, by mailbox. */
  readonly #seen = new Map<string, string[]>();

  constructor(engine: Engine, keys: readonly { ecdh: readonly string[]; eddsa: string }[]) {
    this.#engine = engine;
    this.#keys = keys;
  }

  async play(one: Step): Promise<unknown> {
    const engine = this.#engine;
    switch (one.verb) {
      case 'register': {
        const keys = this.#keys[one.user];
        const result = await engine.register({
          ecdhPublicKey: keys?.ecdh[one.ecdh] ?? '',
          eddsaPublicKey: keys?.eddsa ?? '',
          name: `user ${one.user}`,
          proof: one.proven ? 'ab'.repeat(64) : null,
        });
        if (!('user' in result)) return result.outcome;
        this.#codes[one.user] = result.user.code;
        return [result.outcome, keys?.ecdh.indexOf(result.user.ecdhPublicKey), result.user.name];
      }
      case 'claim': {
        const result = await engine.claim({
          code: this.#code(one.user),
          token: newToken(),
          protocol: one.protocol,
        });
        if (result.outcome !== 'claimed') return result.outcome;
        this.#claims.push(result.session);
        const account = await accountOf(engine, result.session.code);
        return [
          result.waiting,
          result.expired,
          this.#show(result.session.code, result.last),
          account?.minProtocol,
          account?.claimed,
          result.policy,
        ];
      }
      case 'deliver': {
        const envelopes = one.sent.map((item) => ({
          ...envelope(item.text, item.id === null ? undefined : `id${item.id}`, `digest ${item.digest}`),
          request: item.request,
        }));
        const { epoch, number } = one;
        return engine.deliver({
          sender: `ALICE0${one.from}`,
          recipient: this.#code(one.to),
          epoch,
          number,
          heldAtMs: performance.now(),
          envelopes,
        });
      }
      case 'read': {
        const session = this.#session(one.claim);
        const result = await engine.read({
          session,
          after: this.#id(session.code, one.after),
          maxEnvelopes: one.max,
          maxBytes: one.bytes,
        });
        if (result.state !== 'held') return result.state;
        return [
          result.envelopes.map(({ id, frame }) => [this.#show(session.code, id), text(frame)]),
          this.#show(session.code, result.last),
        ];
      }
      case 'confirm': {
        const session = this.#session(one.claim);
        return engine.confirm(session, this.#id(session.code, one.upTo) ?? '0-0');
      }
      case 'reclaim': {
        const session = this.#session(one.claim);
        const raised = one.raise
          ? { ...session, token: newToken(), epoch: session.epoch + 3_600_000 }
          : session;
        const state = await engine.reclaim(raised, this.#id(session.code, one.cursor));
        if (one.raise) this.#claims.push(raised);
        return state;
      }
      case 'people': {
        const session = this.#session(one.claim);
        const sender = `ALICE0${one.who}`;
        const { people } = engine;
        const answer =
          one.what === 'known' || one.what === 'anyone'
            ? await people.setPolicy(session, one.what, one.who === 0 ? [sender] : [])
            : one.what === 'acquaint'
              ? await people.acquaint(session, [sender])
              : await people[one.what](session, sender);
        const page = await people.blocks(session, null);
        return [answer, page.state === 'held' ? [...page.codes].sort() : page.state];
      }
      case 'dead-letter': {
        const session = this.#session(one.claim);
        return engine.deadLetter(session, this.#id(session.code, one.entry) ?? '0-0', 'unsendable');
      }
      case 'release':
        return engine.release(this.#session(one.claim));
    }
  }

  #code(number: number): string {
    return this.#codes[number] ?? '0000000';
  }

  /** Counted from the newest, so that small numbers mean live sessions. */
  #session(number: number): SessionKey {
    const nobody: SessionKey = { code: '0000000', token: newToken(), epoch: 1, protocol: 1 };
    return this.#claims[this.#claims.length - 1 - number] ?? nobody;
  }

  /** An id as the number of its first showing. */
  #show(code: string, id: string): number {
    const seen = this.#seen.get(code) ?? ['0-0'];
    this.#seen.set(code, seen);
    if (!seen.includes(id)) seen.push(id);
    return seen.indexOf(id);
  }

  #id(code: string, number: number): string | null {
    if (number < 0) return null;
    const seen = this.#seen.get(code) ?? [];
    // Beyond what was shown: an id that no history has.
    return seen[seen.length - 1 - number] ?? '9999999999999999-1';
  }
}

describe('random operations', () => {
  const backends = [memoryBackend(), singleRedis()] as const;
  let engines: Engine[] = [];

  beforeAll(async () => {
    for (const backend of backends) await backend.start();
    engines = backends.map((backend) => backend.node(TIGHT));
    await Promise.all(engines.map((engine) => engine.start()));
  });
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    for (const backend of backends) await backend.stop();
  });

  it('are answered alike by memory and Redis', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const keys = Array.from({ length: USERS }, () => ({ ecdh: [key(), key(), key()], eddsa: key() }));
        const everybody: Step[] = Array.from({ length: USERS }, (_, n) => ({
          verb: 'register',
          user: n,
          ecdh: 0,
          proven: false,
        }));
        const [oracle, redis] = engines.map((engine) => new Player(engine, keys));
        for (const one of [...everybody, ...steps]) {
          const expected = await oracle?.play(one);
          expect({ step: one, answer: await redis?.play(one) }).toEqual({ step: one, answer: expected });
        }
      }),
      { numRuns: RUNS, seed: Number(process.env.FC_SEED ?? 20_250_326) },
    );
  });
});
