import { INVITATIONS_MAX } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import {
  type CreateInvitationResult,
  type Invitation,
  type Invitations,
  invitationId,
  type NewInvitation,
} from '../../verbs/invitations.ts';

interface Kept {
  readonly hash: string;
  readonly uses: number;
  readonly note: string;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  left: number;
}

/** See `Invitations`. Taking a use and creating the account are one step here: nothing can die in between. */
export class MemoryInvitations implements Invitations {
  readonly #now: () => number;
  readonly #byId = new Map<string, Kept>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async create({ hash, uses, expiresInMs, note }: NewInvitation): Promise<CreateInvitationResult> {
    const id = invitationId(hash);
    this.#dropExpired();
    if (this.#byId.has(id)) return 'taken';
    if (this.#byId.size >= INVITATIONS_MAX) return 'full';
    const createdMs = this.#now();
    const expiresMs = expiresInMs === null ? null : createdMs + expiresInMs;
    this.#byId.set(id, { hash, uses, note, createdMs, expiresMs, left: uses });
    return 'created';
  }

  async list(): Promise<{ invitations: readonly Invitation[]; next: string | null }> {
    this.#dropExpired();
    const invitations = [...this.#byId].map(([id, { uses, left, note, createdMs, expiresMs }]) => ({
      id,
      uses,
      left,
      note,
      createdAt: at(createdMs),
      expiresAt: expiresMs === null ? null : at(expiresMs),
    }));
    return { invitations: invitations.reverse(), next: null };
  }

  async revoke(id: string): Promise<boolean> {
    this.#dropExpired();
    return this.#byId.delete(id);
  }

  admits(hash: string): boolean {
    this.#dropExpired();
    const kept = this.#byId.get(invitationId(hash));
    return kept?.hash === hash && kept.left > 0;
  }

  /** It must admit. */
  use(hash: string): void {
    const kept = this.#byId.get(invitationId(hash));
    if (kept !== undefined) kept.left -= 1;
  }

  #dropExpired(): void {
    const nowMs = this.#now();
    for (const [id, { expiresMs }] of this.#byId) {
      if (expiresMs !== null && expiresMs <= nowMs) this.#byId.delete(id);
    }
  }
}

function at(ms: number): string {
  return formatCreatedAt(Math.floor(ms * 1000));
}
