import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';

/*
 * A client as docs/protocol.md describes it, by node:crypto and ws alone: it shares no code with the relay or the SDK, so
 * that a mistake in what they share cannot hide.
 */

/** What the relay did that docs/protocol.md does not allow. */
export class Nonconforming extends Error {}

export function demand(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Nonconforming(words);
}

export function same(what: string, got: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(got), JSON.stringify(expected)];
  demand(is === should, `${what} is ${is}, and should be ${should}`);
}

/** Two key pairs, and the code once they are registered. */
export interface Keys {
  readonly ed25519: KeyObject;
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
}

export function newKeys(): Keys {
  const signing = generateKeyPairSync('ed25519').privateKey;
  return { ed25519: signing, eddsaPublicKey: publicHex(signing), ecdhPublicKey: newExchangeKey() };
}

export function newExchangeKey(): string {
  return publicHex(generateKeyPairSync('x25519').privateKey);
}

function publicHex(key: KeyObject): string {
  const pem = key.export({ format: 'pem', type: 'pkcs8' });
  return createPublicKey(createPrivateKey(pem))
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('hex');
}

export function signature(keys: Keys, text: string): string {
  return sign(null, Buffer.from(text), keys.ed25519).toString('hex');
}

export function proof(keys: Keys, ecdhPublicKey = keys.ecdhPublicKey): string {
  return signature(keys, `relay-register:${ecdhPublicKey}:${keys.eddsaPublicKey}`);
}

export function frameOf(keys: Keys, data: string): string {
  return `{"data":${data},"signature":"${signature(keys, data)}"}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export interface User extends Keys {
  readonly code: string;
}

export function connectText(code: string, payload?: object): string {
  return JSON.stringify({ sender: code, message: { type: 'connect', ...(payload && { payload }) } });
}

let nextId = 0;

/** The data of an envelope, written by hand. */
export function envelope(
  from: User,
  to: string,
  payload: string,
  changes: { type?: string; id?: string } = {},
): string {
  const { type = 'note', id = `c-${process.pid}-${nextId++}` } = changes;
  return `{"sender":"${from.code}","recipient":"${to}","id":"${id}","message":{"type":"${type}","payload":${payload}}}`;
}

export function idOf(data: string): string {
  return (JSON.parse(data) as { id: string }).id;
}
