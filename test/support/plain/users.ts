import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Keys and registration with node:crypto and fetch, as docs/protocol.md describes them. Nothing here comes from src. */

export interface Keys {
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly eddsaPrivateKey: KeyObject;
  readonly ecdhPrivateKey: KeyObject;
}

export interface PlainUser extends Keys {
  readonly id: number;
  readonly code: string;
}

/** DER of a SubjectPublicKeyInfo ends with the 32 raw bytes, for both kinds of key. */
function rawHex(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
}

export function makeKeys(): Keys {
  const ecdh = generateKeyPairSync('x25519');
  const eddsa = generateKeyPairSync('ed25519');
  return {
    ecdhPublicKey: rawHex(ecdh.publicKey),
    eddsaPublicKey: rawHex(eddsa.publicKey),
    ecdhPrivateKey: ecdh.privateKey,
    eddsaPrivateKey: eddsa.privateKey,
  };
}

export function signHex(keys: Pick<Keys, 'eddsaPrivateKey'>, text: string | Uint8Array): string {
  return sign(null, Buffer.from(text), keys.eddsaPrivateKey).toString('hex');
}

/** The body of a registration. */
export const registrationOf = (keys: Pick<Keys, 'ecdhPublicKey' | 'eddsaPublicKey'>, more: object = {}) => ({
  ecdh_public_key: keys.ecdhPublicKey,
  eddsa_public_key: keys.eddsaPublicKey,
  ...more,
});

export function postUser(
  http: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${http}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export interface Registration {
  readonly keys?: Keys;
  /** Attempts in all, each after the wait that the relay asked for. Default: 1. */
  readonly tries?: number;
  /** Told before each wait, in words. */
  readonly onWait?: (line: string) => void;
}

const WAIT_S = 0.5;

/** Registers a new user. Rejects with the relay's answer once all tries have failed. */
export async function registerUser(http: string, registration: Registration = {}): Promise<PlainUser> {
  const { keys = makeKeys(), tries = 1, onWait = () => undefined } = registration;
  for (let tried = 1; ; tried += 1) {
    const response = await postUser(http, registrationOf(keys)).catch(
      (error: unknown) => new Error('no answer', { cause: error }),
    );
    if (response instanceof Response && response.ok) {
      const { id, code } = (await response.json()) as { id: number; code: string };
      return { ...keys, id, code };
    }
    const answer = response instanceof Response ? `${response.status} ${await response.text()}` : response;
    if (tried >= tries) throw new Error(`POST ${http}/users: ${answer}`, { cause: answer });
    const waitS = (response instanceof Response && Number(response.headers.get('retry-after'))) || WAIT_S;
    onWait(`POST ${http}/users: ${answer}; next try in ${waitS} s`);
    await new Promise((resolve) => setTimeout(resolve, waitS * 1_000));
  }
}
