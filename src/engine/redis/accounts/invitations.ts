import { INVITATION_PENDING_MS, INVITATIONS_MAX } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import {
  type CreateInvitationResult,
  type Invitation,
  type Invitations,
  invitationId,
  type NewInvitation,
} from '../../verbs/invitations.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { INVITATIONS, invitationKey, keyRecord, keysBesideInvitation, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisInvitationsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly durable: boolean;
}

interface OldUse {
  readonly holder: string;
  /** us */
  readonly takenAt: string;
}

const PAGE = 100;
/** Each finds up to 16 uses that were taken in vain. */
const TAKES_MAX = 8;

/**
 * Invitations lie on one slot of a Cluster, accounts on others: a use is taken for a key before its account is created,
 * and settled behind it. If the node dies in between, the use stays taken: the same key registers on it, or, after
 * `INVITATION_PENDING_MS`, the next registration by this invitation looks whether it made an account; if not, it goes
 * back. An account may be created for a quarter of that time only, so no use that went back makes one.
 */
export class RedisInvitations implements Invitations {
  readonly #options: RedisInvitationsOptions;

  constructor(options: RedisInvitationsOptions) {
    this.#options = options;
  }

  async create({ hash, uses, expiresInMs, note }: NewInvitation): Promise<CreateInvitationResult> {
    const { calls, scripts, durable } = this.#options;
    const id = invitationId(hash);
    const reply = await calls.run({
      script: scripts['invitations/create'],
      key: invitationKey(id),
      beside: () => keysBesideInvitation(id),
      args: () => [
        id,
        hash,
        `${uses}`,
        expiresInMs === null ? '' : `${expiresInMs}`,
        Buffer.from(note, 'utf8'),
        `${INVITATIONS_MAX}`,
      ],
      durable,
    });
    return textOf(reply) as CreateInvitationResult;
  }

  async list(after: string | null): Promise<{ invitations: readonly Invitation[]; next: string | null }> {
    const { calls, scripts } = this.#options;
    const from = Number(after ?? '0');
    const reply = await calls.run({
      script: scripts['invitations/list'],
      key: INVITATIONS,
      args: () => [`${from}`, `${PAGE}`],
    });
    const [more, gone, ...rows] = listOf(reply);
    const invitations = rows.map((row) => {
      const [id, uses, left, note, created, expires] = listOf(row).map((word) => textOf(word) ?? '');
      return {
        id: id ?? '',
        uses: Number(uses),
        left: Number(left),
        note: note ?? '',
        createdAt: formatCreatedAt(Number(created)),
        expiresAt: expires === '0' ? null : formatCreatedAt(Number(expires)),
      };
    });
    return { invitations, next: textOf(more ?? null) === '1' ? `${from + PAGE - Number(gone)}` : null };
  }

  async revoke(id: string): Promise<boolean> {
    const { calls, scripts, durable } = this.#options;
    const reply = await calls.run({
      script: scripts['invitations/revoke'],
      key: invitationKey(id),
      beside: () => keysBesideInvitation(id),
      args: () => [id],
      durable,
    });
    return textOf(reply) === 'revoked';
  }

  /** Takes a use for the key that is about to register. False if the invitation is not valid. */
  async take(hash: string, holder: string): Promise<boolean> {
    for (let attempt = 1; attempt <= TAKES_MAX; attempt += 1) {
      const { taken, old } = await this.#take(hash, holder);
      const resolved = Promise.all(old.map((use) => this.#resolve(hash, use)));
      if (taken) {
        // Not waited for: if it fails, the next registration repeats it.
        resolved.catch(() => {});
        return true;
      }
      await resolved;
      if (old.length === 0) return false;
    }
    return false;
  }

  /** The use has made an account. */
  async used(hash: string, holder: string): Promise<void> {
    await this.#settle(hash, holder, '');
  }

  async #settle(hash: string, holder: string, backTakenAt: string): Promise<void> {
    const { calls, scripts } = this.#options;
    await calls.run({
      script: scripts['invitations/settle'],
      key: invitationKey(invitationId(hash)),
      beside: () => keysBesideInvitation(invitationId(hash)),
      args: () => [holder, backTakenAt, `${INVITATION_PENDING_MS}`],
    });
  }

  async #take(hash: string, holder: string): Promise<{ taken: boolean; old: readonly OldUse[] }> {
    const { calls, scripts, durable } = this.#options;
    const reply = await calls.run({
      script: scripts['invitations/take'],
      key: invitationKey(invitationId(hash)),
      beside: () => keysBesideInvitation(invitationId(hash)),
      args: () => [hash, holder, `${INVITATION_PENDING_MS}`],
      durable,
    });
    const [answer = '', ...words] = listOf(reply).map((word) => textOf(word) ?? '');
    const old: OldUse[] = [];
    for (let i = 0; i < words.length; i += 2)
      old.push({ holder: words[i] ?? '', takenAt: words[i + 1] ?? '' });
    return { taken: answer === 'taken', old };
  }

  /** A use that was taken long ago: did it make an account? */
  async #resolve(hash: string, { holder, takenAt }: OldUse): Promise<void> {
    const { calls } = this.#options;
    const key = keyRecord(holder);
    const code = textOf(await calls.command('find-key', key, ['GET', key]));
    const fields =
      code === null
        ? []
        : listOf(await calls.command('find', userKey(code), ['HMGET', userKey(code), 'eddsa', 'pending']));
    const [eddsa, pending] = fields.map(textOf);
    await this.#settle(hash, holder, eddsa === holder && pending !== '1' ? '' : takenAt);
  }
}
