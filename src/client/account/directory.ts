import { checkEd25519Key, checkX25519Key } from '../../crypto/keys.ts';
import { isCode, readCode } from '../../protocol/codes.ts';
import type { UserJson } from '../../protocol/registration.ts';
import { ClientError } from '../errors.ts';
import type { Endpoints } from './endpoints.ts';
import type { Identity } from './identity.ts';
import { registrationProof } from './signing.ts';

/** A user as the relay describes it: nothing but the relay vouches for the keys. */
export interface User {
  readonly code: string;
  /** Given at registration, unsigned: not to be shown as verified. */
  readonly name: string | null;
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
  readonly createdAt: string;
}

export type Fetch = (url: string, init: object) => Promise<Response>;

/** For one HTTP answer. */
const ANSWER_WITHIN_MS = 10_000;

export interface DirectoryOptions {
  readonly endpoints: Endpoints;
  readonly fetch?: Fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `POST /users` with proof: the same identity always gets the same code. */
export async function register(
  identity: Identity,
  options: DirectoryOptions & { readonly name?: string | undefined },
): Promise<User> {
  const { eddsaPublicKey, ecdhPublicKey } = identity;
  const body = {
    ecdh_public_key: ecdhPublicKey,
    eddsa_public_key: eddsaPublicKey,
    proof: registrationProof(identity),
    ...(options.name === undefined ? {} : { name: options.name }),
  };
  const response = await ask('/users', options, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const user = await readUser(response);
  if (user.eddsaPublicKey !== eddsaPublicKey || user.ecdhPublicKey !== ecdhPublicKey) {
    throw new ClientError('refused', 'The relay answered the registration with different keys.');
  }
  return user;
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
    throw new ClientError('unreachable', `${endpoints.http} cannot be reached: ${reasonOf(cause)}.`, {
      cause,
    });
  }
}

async function readUser(response: Response): Promise<User> {
  const body = (await response.json().catch(() => null)) as (Partial<UserJson> & { detail?: unknown }) | null;
  // 429 and 5xx are temporary; any other answer would be the same again.
  const passes = response.status === 429 || response.status >= 500;
  if (!response.ok && typeof body?.detail === 'string') {
    throw new ClientError(passes ? 'unreachable' : 'refused', `The relay says: ${body.detail}`);
  }
  if (!response.ok || body === null || typeof body !== 'object') {
    const said = `${response.url} answered ${response.status} without what a relay says there`;
    throw new ClientError(passes ? 'unreachable' : 'refused', `This is no keyrelay: ${said}.`);
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
  return { code, name, eddsaPublicKey: eddsa, ecdhPublicKey: ecdh, createdAt };
}

/** What a runtime says of a request that failed, in words for people. Browsers say next to nothing, on purpose. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be looked up',
  EHOSTUNREACH: 'no way to that host',
  ENETUNREACH: 'no network',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody but itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; perhaps http:// instead of https://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; perhaps http:// instead of https://',
  UND_ERR_SOCKET: 'it closed the connection; perhaps https:// instead of http://',
};

function reasonOf(error: unknown): string {
  const { name, message = '', cause } = error as Partial<Error>;
  if (name === 'TimeoutError') return `no answer within ${ANSWER_WITHIN_MS / 1000} s`;
  if (cause !== undefined && cause !== null) return reasonOf(cause);
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  // Node tries each address of a name: the errors of all of them, of which the first will do.
  if (errors?.[0] !== undefined) return reasonOf(errors[0]);
  return REASONS[String(code)] ?? (message === '' ? 'no answer' : message);
}
