/**
 * Invitations: what lets a stranger register where registration is by invitation. Only a hash of the token is known here,
 * so that a copy of the store admits no user.
 *
 * Promises: an invitation of n uses makes n accounts at most, whatever dies in between, and no use is lost for longer than
 * `INVITATION_PENDING_MS`. One pair of keys uses one, however often it is tried.
 */
export interface Invitations {
  create(invitation: NewInvitation): Promise<CreateInvitationResult>;
  /** A page, the newest first; `after` is `next` of the page before, null for the first. */
  list(
    after: string | null,
  ): Promise<{ readonly invitations: readonly Invitation[]; readonly next: string | null }>;
  /** No user registers by it from now on; accounts that were made by it stay. False if no invitation has this id. */
  revoke(id: string): Promise<boolean>;
}

/** `taken`: an invitation has this id already. `full`: `INVITATIONS_MAX` are kept. */
export type CreateInvitationResult = 'created' | 'taken' | 'full';

export interface NewInvitation {
  /** 64 hex digits: SHA-256 of the token. */
  readonly hash: string;
  readonly uses: number;
  /** Null: never. */
  readonly expiresInMs: number | null;
  /** For operators, who see it in lists. */
  readonly note: string;
}

export interface Invitation {
  /** The first 16 digits of the hash: names it, and admits no user. */
  readonly id: string;
  readonly uses: number;
  /** Uses that are left. */
  readonly left: number;
  readonly note: string;
  /** UTC, six decimals and `Z`. */
  readonly createdAt: string;
  /** The same; null: never. */
  readonly expiresAt: string | null;
}

const ID_DIGITS = 16;

export function invitationId(hash: string): string {
  return hash.slice(0, ID_DIGITS);
}
