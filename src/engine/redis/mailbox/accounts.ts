import { randomBytes } from 'node:crypto';
import { codeFromRandom } from '../../../protocol/codes.ts';
import { INVITATION_PENDING_MS, REGISTRATION_MEMORY_PERCENT, UNCLAIMED_TTL_MS } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import {
  type Account,
  EngineUnavailable,
  type RegisterResult,
  type Registration,
  type RotateResult,
  type SessionKey,
  type User,
} from '../../engine.ts';
import type { Calls } from '../cluster/calls.ts';
import { type Argument, listOf, type Reply, textOf } from '../connection/reply.ts';
import { keyRecord, keysBesideNextId, keysBesideUser, NEXT_ID, userKey } from '../schema.ts';
import type { ScriptName, Scripts } from '../scripts.ts';
import type { Store } from './store.ts';

/** Uses of invitations: see accounts/invitations.ts. */
interface InvitationUses {
  take(hash: string, eddsaPublicKey: string): Promise<boolean>;
  used(hash: string, eddsaPublicKey: string): Promise<void>;
}

export interface AccountsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly store: Store;
  readonly invitations: InvitationUses;
  readonly maxUsers: number;
}

/** A registration that is not complete after this time has failed, and its account expires. */
const PENDING_MS = 60_000;
/**
 * The use of an invitation goes back unless it has made an account by then; an account that is created now is complete
 * within `PENDING_MS`, or never.
 */
const CREATE_WITHIN_MS = (INVITATION_PENDING_MS - PENDING_MS) / 2;
/** A key record outlives its account, never the other way round: readers compare the account's key. */
const KEY_TTL_MS = UNCLAIMED_TTL_MS + PENDING_MS;
/** A random code of 2^35 is hardly ever taken; a race over one key is decided by the first attempt. */
const ATTEMPTS_MAX = 8;

/** A proof is stored as the halves R and S: longer values would cost the account its compact encoding. */
const PROOF_HALF = 64;

type Refused = Extract<
  RegisterResult,
  { outcome: 'closed' | 'work_required' | 'invitation_required' | 'invitation_invalid' }
>['outcome'];

/**
 * Registration touches three slots of a Cluster, four with an invitation: the use of the invitation, the counters, the
 * account, the record of its key. The account is created with a short lifetime, then the key record is taken (by one of
 * all that try), then the account is completed. After a crash, leftovers expire, or the next registration of the same
 * key completes them.
 */
export class Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  async find(code: string): Promise<Account | 'gone' | null> {
    const { user, more } = await this.#read(code, ['claimed', 'min_protocol', 'gone']);
    const [claimed, minProtocol, gone] = more;
    if (user === null) return gone === null ? null : 'gone';
    return {
      ...user,
      claimed: claimed === '1',
      minProtocol: minProtocol === '2' ? 2 : 1,
    };
  }

  async register(registration: Registration): Promise<RegisterResult> {
    const { calls } = this.#options;
    const key = keyRecord(registration.eddsaPublicKey);
    let admitted = false;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const known = textOf(await calls.command('find-key', key, ['GET', key]));
      if (known !== null) {
        const result =
          (await this.#repeated(known, registration)) ?? (await this.#join(known, registration, false));
        if (result !== null) return result;
        await this.#run('drop-key', key, [known]);
        continue;
      }
      const startedMs = performance.now();
      if (!admitted) {
        const refused = await this.#admit(registration);
        if (refused !== null) return { outcome: refused };
        admitted = true;
      }
      const code = await this.#create(registration, startedMs);
      if (typeof code !== 'string') return code;
      if (code === 'full') return { outcome: 'full', why: 'memory' };
      if (code === 'taken') continue;
      if (code === 'late') throw new EngineUnavailable('registering took too long: try again');
      // NX and GET: of all that try at once one wins, and the others learn its code.
      const take = ['SET', key, code, 'NX', 'GET', 'PX', `${KEY_TTL_MS}`];
      const winner = textOf(await calls.command('take-key', key, take));
      // The loser leaves its own account to expire, and joins the winner's.
      if (winner !== null) continue;
      const result = await this.#join(code, registration, true);
      if (result === null) continue;
      await this.#admitted(registration);
      return result;
    }
    throw new EngineUnavailable('too many registrations of one key at once');
  }

  /** Whether a new account may be made; null if so. */
  async #admit({ admission = 'open', eddsaPublicKey }: Registration): Promise<Refused | null> {
    if (admission === 'open') return null;
    if (admission === 'closed') return 'closed';
    if (admission === 'unworked') return 'work_required';
    if (admission.invitation === null) return 'invitation_required';
    const taken = await this.#options.invitations.take(admission.invitation, eddsaPublicKey);
    return taken ? null : 'invitation_invalid';
  }

  async #admitted({ admission = 'open', eddsaPublicKey }: Registration): Promise<void> {
    if (typeof admission === 'string' || admission.invitation === null) return;
    // If this fails, a later registration by this invitation finds it out.
    await this.#options.invitations.used(admission.invitation, eddsaPublicKey).catch(() => {});
  }

  /**
   * Makes the key record of a claimed account permanent and counts the account among those that never expire. Each
   * claim repeats both, which is harmless, until the account is marked as settled.
   */
  async settle(code: string, eddsaPublicKey: string): Promise<void> {
    await this.#run('settle-key', keyRecord(eddsaPublicKey), [code]);
    await this.#run('settle-count', NEXT_ID, [code, ''], keysBesideNextId);
    const settled = await this.#run('settle-user', userKey(code), [eddsaPublicKey]);
    // The account was deleted meanwhile: no key record may outlive it.
    if (textOf(settled) === 'other') await this.#run('drop-key', keyRecord(eddsaPublicKey), [code]);
  }

  async rotate(session: SessionKey, ecdhPublicKey: string, proof: string): Promise<RotateResult> {
    const { scripts, store } = this.#options;
    const args = [ecdhPublicKey, proof.slice(0, PROOF_HALF), proof.slice(PROOF_HALF)];
    const ran = await store.runHeld(scripts['accounts/rotate'], session, () => args);
    return 'lost' in ran ? ran.lost : 'done';
  }

  async reopen(code: string): Promise<boolean> {
    return textOf(await this.#run('reopen', userKey(code), [])) === 'reopened';
  }

  /** Creates an account that no key record names yet, unless the use of its invitation may have gone back. Returns its code. */
  async #create(
    { ecdhPublicKey, eddsaPublicKey, name }: Registration,
    startedMs: number,
  ): Promise<string | RegisterResult> {
    const { calls, scripts, maxUsers } = this.#options;
    const code = codeFromRandom(randomBytes(7));
    const reservation = [code, `${PENDING_MS}`, `${maxUsers}`];
    const [id, expiryInMs] = listOf(await this.#run('reserve', NEXT_ID, reservation, keysBesideNextId)).map(
      Number,
    );
    if (id === 0) {
      const ms = expiryInMs ?? -1;
      return { outcome: 'full', why: 'users', expiryInMs: ms < 0 ? null : ms };
    }
    const reply = await calls.run({
      script: scripts.create,
      key: userKey(code),
      beside: () => keysBesideUser(code),
      args: (shard) => [
        `${id}`,
        ecdhPublicKey,
        eddsaPublicKey,
        Buffer.from(name ?? '', 'utf8'),
        `${PENDING_MS}`,
        `${REGISTRATION_MEMORY_PERCENT}`,
        shard.clock.usAt(startedMs, CREATE_WITHIN_MS),
      ],
    });
    const outcome = textOf(reply) ?? '';
    return outcome === 'created' ? code : outcome;
  }

  /**
   * Answers a repeated registration that changes nothing by reading alone: clients register before each login, and a Redis
   * that takes no writes must still let them ask. Null if something is to be written, or the account is another one.
   */
  async #repeated(code: string, registration: Registration): Promise<RegisterResult | null> {
    const { ecdhPublicKey, eddsaPublicKey, proof } = registration;
    const { user, more } = await this.#read(code, ['claimed', 'pending', 'settled']);
    const [claimed, pending, settled] = more;
    if (user?.eddsaPublicKey !== eddsaPublicKey || user.ecdhPublicKey !== ecdhPublicKey) return null;
    if (pending === '1' || (claimed === '1' && settled !== '1')) return null;
    if (proof !== null && (claimed !== '1' || user.proof === null)) return null;
    return { outcome: 'existing', user };
  }

  /** The user of this code or null, and `more` fields of the same hash. */
  async #read(code: string, more: readonly string[]): Promise<{ user: User | null; more: readonly Field[] }> {
    const key = userKey(code);
    const reply = await this.#options.calls.command('find', key, ['HMGET', key, ...USER_FIELDS, ...more]);
    const [eddsa, ecdh, id, name, created, proofR, proofS, ...rest] = listOf(reply).map(textOf);
    if (eddsa === null || eddsa === undefined) return { user: null, more: rest };
    return { user: makeUser({ code, eddsa, ecdh, id, name, created, proofR, proofS }), more: rest };
  }

  /** Registers with the account of this code; null if it is not, or no longer, the account of this key. */
  async #join(code: string, registration: Registration, created: boolean): Promise<RegisterResult | null> {
    const { ecdhPublicKey, eddsaPublicKey, name, proof } = registration;
    const reply = await this.#run('register', userKey(code), [
      eddsaPublicKey,
      ecdhPublicKey,
      Buffer.from(name ?? '', 'utf8'),
      `${UNCLAIMED_TTL_MS}`,
      (proof ?? '').slice(0, PROOF_HALF),
      (proof ?? '').slice(PROOF_HALF),
    ]);
    const [outcome, claimed, settled, id, knownName, ecdh, createdUs, proofR, proofS] =
      listOf(reply).map(textOf);
    if (outcome === 'other') return null;
    if (outcome === 'claimed' || outcome === 'unproven') return { outcome };
    const account = { code, eddsa: eddsaPublicKey, ecdh, id, name: knownName, created: createdUs };
    const user = makeUser({ ...account, proofR, proofS });
    if (claimed === '1' && settled !== '1') await this.settle(code, eddsaPublicKey);
    else if (created)
      await this.#run('settle-count', NEXT_ID, [code, `${UNCLAIMED_TTL_MS}`], keysBesideNextId);
    if (created) return { outcome: 'created', user };
    return { outcome: outcome === 'replaced' ? 'replaced' : 'existing', user };
  }

  #run(
    name: Extract<
      ScriptName,
      | 'reserve'
      | 'create'
      | 'register'
      | 'settle-key'
      | 'settle-count'
      | 'settle-user'
      | 'drop-key'
      | 'reopen'
    >,
    key: string,
    args: readonly Argument[],
    beside?: () => readonly string[],
  ): Promise<Reply> {
    const { calls, scripts } = this.#options;
    return calls.run({
      script: scripts[name],
      key,
      args: () => args,
      ...(beside === undefined ? {} : { beside }),
    });
  }
}

type Field = string | null | undefined;

/** What `makeUser` makes a user of. */
const USER_FIELDS = ['eddsa', 'ecdh', 'id', 'name', 'created', 'proof_r', 'proof_s'];

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
