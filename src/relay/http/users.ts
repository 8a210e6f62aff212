import { checkEd25519Key, checkX25519Key } from '../../crypto/keys.ts';
import { parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import type { Engine, User } from '../../engine/engine.ts';
import { readCode } from '../../protocol/codes.ts';
import { parseStrictJson } from '../../protocol/json.ts';
import { type KnownUserJson, proofText, readRegistration, userJson } from '../../protocol/registration.ts';
import type { Problem } from './problem.ts';

export type UserAnswer = { readonly status: 200 | 201; readonly user: string } | Problem;

export interface UsersOptions {
  readonly engine: Pick<Engine, 'register' | 'findUser'>;
  readonly requireProof: boolean;
}

/** `POST /users`: a pair of public keys becomes a user with a code. Cheap checks first. */
export async function register(body: Uint8Array, options: UsersOptions): Promise<UserAnswer> {
  const json = parseStrictJson(body);
  if (!json.ok)
    return {
      status: 400,
      detail: `the body is not the JSON expected: ${json.reason} (at byte ${json.offset})`,
    };
  const read = readRegistration(json.value);
  if (!read.ok) return { status: 400, detail: read.errors.join('; ') };
  const { ecdhPublicKey, eddsaPublicKey, name, proof } = read.request;
  const text = proofText(ecdhPublicKey, eddsaPublicKey);
  if (proof === null && options.requireProof) {
    return { status: 400, detail: `proof is required here: the hex Ed25519 signature of "${text}"` };
  }
  const wrongKeys = [
    complaint('ecdh_public_key', checkX25519Key(ecdhPublicKey)),
    complaint('eddsa_public_key', checkEd25519Key(eddsaPublicKey)),
  ].filter((wrong) => wrong !== null);
  if (wrongKeys.length > 0) return { status: 400, detail: wrongKeys.join('; ') };
  if (proof !== null && !verifySignature(parsePublicKey(eddsaPublicKey), Buffer.from(text), proof)) {
    return { status: 400, detail: `proof is not a signature of "${text}" by eddsa_public_key` };
  }
  const result = await options.engine.register({
    ecdhPublicKey,
    eddsaPublicKey,
    name,
    proof,
  });
  switch (result.outcome) {
    case 'created':
      return { status: 201, user: wire(result.user) };
    case 'existing':
    case 'replaced':
      return { status: 200, user: wire(result.user) };
    case 'claimed':
      return {
        status: 409,
        detail: 'this eddsa_public_key belongs to an account with another ecdh_public_key',
      };
    case 'unproven':
      return {
        status: 409,
        detail:
          'this eddsa_public_key was registered with another ecdh_public_key, and nobody has claimed it: ' +
          'send a proof to show that it is yours',
      };
    case 'closed':
    case 'invitation_required':
    case 'invitation_invalid':
      return { status: 403, detail: 'this relay takes no new users' };
    case 'full':
      return { status: 503, detail: 'this relay takes no more users', retryAfterS: 3600 };
  }
}

/** `GET /users/:code`; the code may be written as people write it. */
export async function lookUp(text: string, options: UsersOptions): Promise<UserAnswer> {
  const code = readCode(text);
  const user = code === null ? null : await options.engine.findUser(code);
  if (user === 'gone') {
    return { status: 410, detail: 'the user of this code has left; the code is never given to anybody else' };
  }
  if (user === null)
    return { status: 404, detail: 'no user has this code: it has 7 letters and digits, such as E011T7D' };
  // Others can check that the X25519 key is the one that the owner of the Ed25519 key registered.
  const known: KnownUserJson = { ...userJson(user), ...(user.proof === null ? {} : { proof: user.proof }) };
  return { status: 200, user: JSON.stringify(known) };
}

function wire(user: User): string {
  return JSON.stringify(userJson(user));
}

function complaint(member: string, reason: string | null): string | null {
  return reason === null ? null : `${member} ${reason}`;
}
