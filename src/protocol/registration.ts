import { KEY_HEX_DIGITS, SIGNATURE_HEX_DIGITS } from './exchange-key.ts';
import { foldCase } from './json/members.ts';
import { challengeOf } from './work.ts';

/** The body of `POST /users`. `crypto/keys.ts` checks whether the keys are good ones. */
export interface RegistrationRequest {
  /** 64 lower-case hex digits. */
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly name: string | null;
  /** 128 lower-case hex digits: an Ed25519 signature over `proofText`. */
  readonly proof: string | null;
  /** The token of an invitation. */
  readonly invite: string | null;
  /** See work.ts. */
  readonly work: string | null;
}

const INVITE = /^[A-Za-z0-9._~+/=-]{1,256}$/;

/** Whether this may be the token of an invitation: RFC 6750, 2.1. */
export function isInvite(value: unknown): value is string {
  return typeof value === 'string' && INVITE.test(value);
}

const NAME_CODE_POINTS_MAX = 64;

/** The members of the body; others are ignored. */
const REQUEST_MEMBERS = ['ecdh_public_key', 'eddsa_public_key', 'name', 'proof', 'invite', 'work'] as const;

const HEX = /^[0-9a-fA-F]*$/;
const CONTROL = /\p{Cc}/u;

/** The text that the proof of a registration signs. Both keys in lower-case hex. */
export function proofText(ecdhPublicKey: string, eddsaPublicKey: string): string {
  return `relay-register:${ecdhPublicKey}:${eddsaPublicKey}`;
}

/** Reads the body of `POST /users`, parsed by `parseStrictJson`: the request, or everything that is wrong with it. */
export function readRegistration(
  body: unknown,
): { ok: true; request: RegistrationRequest } | { ok: false; errors: string[] } {
  if (!isObject(body)) return { ok: false, errors: ['the body must be one JSON object'] };
  const errors: string[] = [];
  for (const name of Object.keys(body)) {
    const ours = REQUEST_MEMBERS.find((member) => member === foldCase(name));
    if (ours !== undefined && ours !== name) errors.push(`${ours} must be written in lower case`);
  }
  const hex = (member: (typeof REQUEST_MEMBERS)[number], digits: number): string => {
    const value = body[member];
    if (typeof value === 'string' && value.length === digits && HEX.test(value)) return value.toLowerCase();
    errors.push(`${member} must be a string of ${digits} hex digits (${digits / 2} bytes)`);
    return '';
  };
  const request = {
    ecdhPublicKey: hex('ecdh_public_key', KEY_HEX_DIGITS),
    eddsaPublicKey: hex('eddsa_public_key', KEY_HEX_DIGITS),
    name: body.name ?? null,
    proof: body.proof === undefined ? null : hex('proof', SIGNATURE_HEX_DIGITS),
    invite: isInvite(body.invite) ? body.invite : null,
    work: typeof body.work === 'string' && challengeOf(body.work) !== null ? body.work : null,
  };
  if (body.invite !== undefined && request.invite === null)
    errors.push('invite must be the token of an invitation');
  if (body.work !== undefined && request.work === null)
    errors.push('work must be the challenge, a dot, and 1 to 20 characters of A-Z, a-z, 0-9, _ and -');
  const { name } = request;
  if (name !== null && !isName(name)) {
    errors.push(
      `name must be a string of 1 to ${NAME_CODE_POINTS_MAX} code points without control characters`,
    );
  }
  if (errors.length > 0 || (name !== null && typeof name !== 'string')) return { ok: false, errors };
  return { ok: true, request: { ...request, name } };
}

function isName(value: unknown): boolean {
  // A code point is one or two units: the first test avoids counting a long string.
  if (typeof value !== 'string' || value.length > NAME_CODE_POINTS_MAX * 2) return false;
  const codePoints = [...value].length;
  return codePoints >= 1 && codePoints <= NAME_CODE_POINTS_MAX && !CONTROL.test(value);
}

/** A user as `POST /users` answers it: members in this order. */
export interface UserJson {
  /** Counts up from 1; gaps are allowed. */
  readonly id: number;
  readonly code: string;
  /** Unsigned: never to be shown as verified. */
  readonly name: string | null;
  readonly ecdh_public_key: string;
  readonly eddsa_public_key: string;
  /** UTC with six decimals and `Z`. */
  readonly created_at: string;
}

/** A user as `GET /users/:code` answers it. */
export interface KnownUserJson extends UserJson {
  /** The signature of `proofText` that the user registered with; absent if there was none. */
  readonly proof?: string;
}

/** Puts a user on the wire. */
export function userJson(user: {
  readonly id: number;
  readonly code: string;
  readonly name: string | null;
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly createdAt: string;
}): UserJson {
  return {
    id: user.id,
    code: user.code,
    name: user.name,
    ecdh_public_key: user.ecdhPublicKey,
    eddsa_public_key: user.eddsaPublicKey,
    created_at: user.createdAt,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
