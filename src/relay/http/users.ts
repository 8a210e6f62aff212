import { createHash } from 'node:crypto';
import { checkEd25519Key, checkX25519Key } from '../../crypto/keys.ts';
import { parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import type { Admission, Engine, RegisterResult, User } from '../../engine/engine.ts';
import type { Config } from '../../ops/settings/config.ts';
import { readCode } from '../../protocol/codes.ts';
import { parseStrictJson } from '../../protocol/json/scanner.ts';
import {
  isInvite,
  type KnownUserJson,
  proofText,
  readRegistration,
  userJson,
} from '../../protocol/registration.ts';
import type { Problem } from './problem.ts';
import type { RegistrationWork } from './registration-work.ts';

export type UserAnswer = { readonly status: 200 | 201; readonly user: string } | Problem;

export interface UsersOptions {
  readonly engine: Pick<Engine, 'register' | 'findUser'>;
  readonly requireProof: boolean;
  readonly registration: Config['registration'];
  readonly work: RegistrationWork;
  /** Whether accounts that are idle for long are deleted. */
  readonly idleExpire: boolean;
}

/** A client is not asked to wait longer than this for a free place. */
const WAIT_FOR_PLACE_MS = 60 * 60 * 1000;

/**
 * `POST /users`: a pair of public keys becomes a user with a code. Cheap checks first.
 * @param authorization the header; '' without
 */
export async function register(
  body: Uint8Array,
  authorization: string,
  options: UsersOptions,
): Promise<UserAnswer> {
  const json = parseStrictJson(body);
  if (!json.ok)
    return {
      status: 400,
      detail: `the body is not the JSON expected: ${json.reason} (at byte ${json.offset})`,
    };
  const read = readRegistration(json.value);
  if (!read.ok) return { status: 400, detail: read.errors.join('; ') };
  const { ecdhPublicKey, eddsaPublicKey, name, proof, invite, work } = read.request;
  const bearer = authorization === '' ? null : bearerToken(authorization);
  if (bearer === undefined)
    return { status: 400, detail: 'Authorization must be: Bearer, and the token of an invitation' };
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
    admission: await admissionOf(options, { token: bearer ?? invite, work, ecdhPublicKey, eddsaPublicKey }),
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
      return {
        status: 403,
        type: 'urn:keyrelay:registration-closed',
        detail: 'this relay registers nobody: ask its operator',
      };
    case 'work_required': {
      const asked = await options.work.challenge({ ecdhPublicKey, eddsaPublicKey });
      const detail =
        `${work === null ? '' : 'the work was for other keys, too little, or too late; '}new users of this relay have to work: ` +
        `append a dot and a nonce to challenge so that its SHA-256 begins with ${asked.bits} zero bits, and send that as work`;
      return { status: 428, type: 'urn:keyrelay:work-required', detail, more: asked };
    }
    case 'invitation_required':
      return {
        status: 401,
        type: 'urn:keyrelay:invitation-required',
        detail:
          'new users of this relay need an invitation: ask its operator, and send it as Bearer or as invite',
      };
    case 'invitation_invalid':
      return {
        status: 403,
        type: 'urn:keyrelay:invitation-invalid',
        detail: 'this invitation lets nobody in: it is unknown, expired, revoked or used up',
      };
    case 'full':
      return full(result, options.idleExpire);
  }
}

/** Promises a time only where one is known: places of deleted accounts become free at any time, or never. */
function full(result: Extract<RegisterResult, { outcome: 'full' }>, idleExpire: boolean): Problem {
  if (result.why === 'memory') {
    return {
      status: 503,
      detail: 'this relay takes no more users while it needs its memory for mail: try again later',
    };
  }
  const { expiryInMs } = result;
  if (expiryInMs !== null && expiryInMs <= WAIT_FOR_PLACE_MS) {
    const retryAfterS = Math.max(1, Math.ceil(expiryInMs / 1000));
    const detail =
      'this relay takes no more users: a place becomes free if a registration is not completed in time';
    return { status: 503, detail, retryAfterS };
  }
  const detail = idleExpire
    ? 'this relay takes no more users until accounts are deleted, as idle ones are, or its operator raises the limit'
    : 'this relay takes no more users: its operator must raise the limit or remove accounts';
  return { status: 503, detail };
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

/** Undefined if the header is no bearer token. */
function bearerToken(authorization: string): string | undefined {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  return isInvite(token) ? token : undefined;
}

async function admissionOf(
  { registration, work }: UsersOptions,
  request: {
    readonly token: string | null;
    readonly work: string | null;
    readonly ecdhPublicKey: string;
    readonly eddsaPublicKey: string;
  },
): Promise<Admission> {
  if (registration === 'open' && work.bits() > 0) {
    return request.work !== null && (await work.accepts(request.work, request)) ? 'open' : 'unworked';
  }
  if (registration !== 'invite') return registration;
  const { token } = request;
  return { invitation: token === null ? null : createHash('sha256').update(token).digest('hex') };
}

function wire(user: User): string {
  return JSON.stringify(userJson(user));
}

function complaint(member: string, reason: string | null): string | null {
  return reason === null ? null : `${member} ${reason}`;
}
