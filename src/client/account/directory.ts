import { utf8ToBytes } from '@noble/hashes/utils.js';
import { checkEd25519Key, checkX25519Key } from '../../crypto/keys.ts';
import { isCode, readCode } from '../../protocol/codes.ts';
import { type KnownUserJson, proofText } from '../../protocol/registration.ts';
import { ClientError } from '../errors.ts';
import type { Endpoints } from './endpoints.ts';
import type { Identity } from './identity.ts';
import { reasonOf } from './reasons.ts';
import { isSignedBy, registrationProof } from './signing.ts';
import { work } from './work.ts';

/** A user as the relay describes it: nothing but the relay vouches for the keys. */
export interface User {
  readonly code: string;
  /** Given at registration, unsigned: not to be shown as verified. */
  readonly name: string | null;
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
  readonly createdAt: string;
  /** The owner of the Ed25519 key has signed the X25519 key, so the relay did not choose it. */
  readonly proven: boolean;
}

export type Fetch = (url: string, init: object) => Promise<Response>;

/** A challenge may have run out on a slow device, or the store have lost what it was made by. */
const WORK_TRIES = 3;
/** For one HTTP answer. */
const ANSWER_WITHIN_MS = 10_000;

export interface DirectoryOptions {
  readonly endpoints: Endpoints;
  readonly fetch?: Fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `POST /users` with proof, and with work where the relay asks for it: the same identity always gets the same code. */
export async function register(
  identity: Identity,
  options: DirectoryOptions & { readonly name?: string | undefined; readonly invite?: string | undefined },
): Promise<User> {
  const { eddsaPublicKey, ecdhPublicKey } = identity;
  const body = {
    ecdh_public_key: ecdhPublicKey,
    eddsa_public_key: eddsaPublicKey,
    proof: registrationProof(identity),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.invite === undefined ? {} : { invite: options.invite }),
  };
  const post = (more: object) =>
    ask('/users', options, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more }),
    });
  let response = await post({});
  for (let tried = 0; tried < WORK_TRIES; tried += 1) {
    const asked = await workAsked(response);
    if (asked === null) break;
    response = await post({ work: await work(asked, options.signal) });
  }
  const user = await readUser(response);
  if (user.eddsaPublicKey !== eddsaPublicKey || user.ecdhPublicKey !== ecdhPublicKey) {
    throw new ClientError('refused', 'The relay answered the registration with different keys.');
  }
  return user;
}

/** What the relay asks a new user to work for; null if it does not. */
async function workAsked(
  response: Response,
): Promise<{ readonly challenge: string; readonly bits: number } | null> {
  if (response.status !== 428) return null;
  const { challenge, bits } = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { challenge?: unknown; bits?: unknown };
  return typeof challenge === 'string' && typeof bits === 'number' ? { challenge, bits } : null;
}

/** `GET /users/:code`. Takes a code as people write it. Throws `user_unknown`. */
export async function lookup(code: string, options: DirectoryOptions): Promise<User> {
  const canonical = readCode(code.trim());
  if (canonical === null) {
    throw new ClientError('invalid_argument', 'A code is 7 letters and digits, such as E011T7D.');
  }
  const response = await ask(`/users/${canonical}`, options, {});
  if (response.status === 404) throw new ClientError('user_unknown', `No user has the code ${canonical}.`);
  const user = await readUser(response);
  if (user.code !== canonical) throw new ClientError('refused', 'The relay answered for another code.');
  return user;
}

async function ask(path: string, options: DirectoryOptions, init: object): Promise<Response> {
  const { endpoints, signal } = options;
  const send = options.fetch ?? (globalThis.fetch as Fetch);
  const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  try {
    return await send(`${endpoints.http}${path}`, { ...init, signal: ends, redirect: 'error' });
  } catch (cause) {
    if (signal?.aborted)
      throw new ClientError('aborted', 'Its AbortSignal fired before it was done.', { cause });
    throw new ClientError(
      'unreachable',
      `${endpoints.http} cannot be reached: ${reasonOf(cause) ?? 'no answer'}.`,
      {
        cause,
      },
    );
  }
}

async function readUser(response: Response): Promise<User> {
  const body = (await response.json().catch(() => null)) as
    | (Partial<KnownUserJson> & { detail?: unknown })
    | null;
  // 429 and 5xx are temporary; any other answer would be the same again.
  const passes = response.status === 429 || response.status >= 500;
  if (!response.ok && typeof body?.detail === 'string') {
    throw new ClientError(passes ? 'unreachable' : 'refused', `The relay says: ${body.detail}`);
  }
  if (!response.ok || body === null || typeof body !== 'object') {
    const said = `${response.url} answered ${response.status} without what a relay says there`;
    throw new ClientError(passes ? 'unreachable' : 'refused', `This is not a keyrelay server: ${said}.`);
  }
  const {
    code = '',
    eddsa_public_key: eddsa = '',
    ecdh_public_key: ecdh = '',
    created_at: createdAt = '',
  } = body;
  if (!isCode(code)) throw new ClientError('refused', 'The relay answered without a valid code.');
  const problem = checkEd25519Key(eddsa) ?? checkX25519Key(ecdh);
  if (problem !== null)
    throw new ClientError('invalid_key', `The relay names a key for ${code} that ${problem}.`);
  const name = typeof body.name === 'string' ? body.name : null;
  const proven = isSignedBy(eddsa, utf8ToBytes(proofText(ecdh, eddsa)), body.proof ?? '');
  return { code, name, eddsaPublicKey: eddsa, ecdhPublicKey: ecdh, createdAt, proven };
}
