export interface User {
  /** Counts up from 1; gaps are allowed. */
  readonly id: number;
  readonly code: string;
  readonly name: string | null;
  /** 64 lower-case hex digits: X25519. */
  readonly ecdhPublicKey: string;
  /** 64 lower-case hex digits: Ed25519. */
  readonly eddsaPublicKey: string;
  /** 128 lower-case hex digits: the Ed25519 signature that vouches for the X25519 key; null if none was given. */
  readonly proof: string | null;
  /** UTC, six decimals and `Z`. */
  readonly createdAt: string;
}

export interface Account extends User {
  /** True after a registration with proof or a first successful login. */
  readonly claimed: boolean;
  /** 2 once the account has logged in by protocol 2: protocol 1 is refused from then on. */
  readonly minProtocol: 1 | 2;
}
