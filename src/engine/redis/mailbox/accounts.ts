import { randomBytes } from 'node:crypto';
import { codeFromRandom } from '../../../protocol/codes.ts';
import { REGISTRATION_MEMORY_PERCENT, UNCLAIMED_TTL_MS } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import {
  type Account,
  EngineUnavailable,
  type RegisterResult,
  type Registration,
  type User,
} from '../../engine.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Argument, Reply } from '../connection/reply.ts';
import type { ScriptName, Scripts } from '../scripts.ts';
import { inboxKey, seenKeys, sharesKey, userKey } from './store.ts';

export interface AccountsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly maxUsers: number;
}

/** A registration that has not been completed by then has never been. */
const PENDING_MS = 60_000;
/** A key record outlives its account, never the other way round; readers compare the account's key. */
const KEY_TTL_MS = UNCLAIMED_TTL_MS + PENDING_MS;
/** Of 2^35 codes a random one is hardly ever taken; races over one key end after the first. */
const ATTEMPTS_MAX = 8;

/** A proof is stored as the halves R and S: longer values would cost the account its compact encoding. */
const PROOF_HALF = 64;

const NEXT_ID = 'user:next-id';
const UNCLAIMED = `{${NEXT_ID}}:unclaimed`;
const CLAIMED = `{${NEXT_ID}}:claimed`;

/**
 * Registration, which touches three slots of a Cluster: the counters, the account, the record of its key. The account
 * is made for a short time, then the key record is taken (by one of all who try), then the account is completed.
 * Whoever dies in between leaves what ends by itself, or what the next registration of the same key completes.
 */
export class Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  async find(code: string): Promise<Account | null> {
    const fields = [
      'eddsa',
      'ecdh',
      'id',
      'name',
      'created',
      'proof_r',
      'proof_s',
      'claimed',
      'min_protocol',
    ];
    const reply = await this.#options.calls.command('find', userKey(code), [
      'HMGET',
      userKey(code),
      ...fields,
    ]);
    const [eddsa, ecdh, id, name, created, proofR, proofS, claimed, minProtocol] = (
      reply as readonly Reply[]
    ).map(text);
    if (eddsa === null || eddsa === undefined) return null;
    return {
      ...makeUser({ code, eddsa, ecdh, id, name, created, proofR, proofS }),
      claimed: claimed === '1',
      minProtocol: minProtocol === '2' ? 2 : 1,
    };
  }

  async register(registration: Registration): Promise<RegisterResult> {
    const key = keyOf(registration.eddsaPublicKey);
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const known = text(await this.#options.calls.command('find-key', key, ['GET', key]));
      if (known !== null) {
        const result = await this.#join(known, registration, false);
        if (result !== null) return result;
        await this.#run('drop-key', [key], [known]);
        continue;
      }
      const code = await this.#create(registration);
      if (code === 'full') return { outcome: 'full' };
      if (code === 'taken') continue;
      // NX and GET: of all who try at once one wins, and the others learn whose code it is.
      const take = ['SET', key, code, 'NX', 'GET', 'PX', `${KEY_TTL_MS}`];
      const winner = text(await this.#options.calls.command('take-key', key, take));
      // Who loses leaves its own account to expire, and joins.
      if (winner !== null) continue;
      const result = await this.#join(code, registration, true);
      if (result !== null) return result;
    }
    throw new EngineUnavailable('too many registrations of one key at once');
  }

  /**
   * Sees to it that the key record of a claimed account stays and that it is counted among those that never expire.
   * Both are harmless to repeat, and are, by the next claim, until it is noted that they were done.
   */
  async settle(code: string, eddsaPublicKey: string): Promise<void> {
    await this.#run('settle-key', [keyOf(eddsaPublicKey)], [code]);
    await this.#run('settle-count', [UNCLAIMED, CLAIMED], [code, '']);
    await this.#run('settle-user', [userKey(code)], [eddsaPublicKey]);
  }

  async reopen(code: string): Promise<boolean> {
    return text(await this.#run('reopen', [userKey(code)], [])) === 'reopened';
  }

  /** Makes an account that nobody knows yet. Returns its code. */
  async #create({ ecdhPublicKey, eddsaPublicKey, name }: Registration): Promise<string> {
    const { maxUsers } = this.#options;
    const code = codeFromRandom(randomBytes(7));
    const id = await this.#run(
      'reserve',
      [NEXT_ID, UNCLAIMED, CLAIMED],
      [code, `${PENDING_MS}`, `${maxUsers}`],
    );
    if (id === 0) return 'full';
    const created = await this.#run(
      'create',
      [userKey(code), inboxKey(code), ...seenKeys(code), sharesKey(code)],
      [
        `${id}`,
        ecdhPublicKey,
        eddsaPublicKey,
        Buffer.from(name ?? '', 'utf8'),
        `${PENDING_MS}`,
        `${REGISTRATION_MEMORY_PERCENT}`,
      ],
    );
    const outcome = text(created);
    return outcome === 'created' ? code : outcome === 'full' ? 'full' : 'taken';
  }

  /** Registers with the account of this code; null if it is not, or no longer, the account of this key. */
  async #join(code: string, registration: Registration, created: boolean): Promise<RegisterResult | null> {
    const { ecdhPublicKey, eddsaPublicKey, name, proof } = registration;
    const reply = await this.#run(
      'register',
      [userKey(code)],
      [
        eddsaPublicKey,
        ecdhPublicKey,
        Buffer.from(name ?? '', 'utf8'),
        `${UNCLAIMED_TTL_MS}`,
        (proof ?? '').slice(0, PROOF_HALF),
        (proof ?? '').slice(PROOF_HALF),
      ],
    );
    const [outcome, claimed, settled, id, knownName, ecdh, createdUs, proofR, proofS] = (
      reply as readonly Reply[]
    ).map(text);
    if (outcome === 'other') return null;
    if (outcome === 'claimed' || outcome === 'unproven') return { outcome };
    const account = { code, eddsa: eddsaPublicKey, ecdh, id, name: knownName, created: createdUs };
    const user = makeUser({ ...account, proofR, proofS });
    if (claimed === '1' && settled !== '1') await this.settle(code, eddsaPublicKey);
    else if (created) await this.#run('settle-count', [UNCLAIMED, CLAIMED], [code, `${UNCLAIMED_TTL_MS}`]);
    if (created) return { outcome: 'created', user };
    return { outcome: outcome === 'replaced' ? 'replaced' : 'existing', user };
  }

  #run(
    name: Exclude<ScriptName, 'deliver' | 'claim' | 'reclaim' | 'read' | 'confirm' | 'release' | 'probe'>,
    keys: readonly [string, ...string[]],
    args: readonly Argument[],
  ): Promise<Reply> {
    const { calls, scripts } = this.#options;
    return calls.run({ script: scripts[name], keys, args: () => args });
  }
}

function keyOf(eddsaPublicKey: string): string {
  return `key:${eddsaPublicKey}`;
}

type Field = string | null | undefined;

function makeUser(fields: {
  code: string;
  eddsa: string;
  ecdh: Field;
  id: Field;
  name: Field;
  created: Field;
  proofR: Field;
  proofS: Field;
}): User {
  return {
    id: Number(fields.id),
    code: fields.code,
    name: fields.name === '' || fields.name === undefined ? null : fields.name,
    ecdhPublicKey: fields.ecdh ?? '',
    eddsaPublicKey: fields.eddsa,
    // Accounts of earlier versions have no proof.
    proof: `${fields.proofR ?? ''}${fields.proofS ?? ''}` || null,
    createdAt: formatCreatedAt(Number(fields.created)),
  };
}

function text(reply: Reply): string | null {
  return reply === null ? null : String(reply);
}
