import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { deriveKeys, sharedSecret } from '../../../crypto/kdf.ts';
import type { ReceivingChain } from './chains.ts';
import { chainKeys, exchangeName, type Parties } from './derivation.ts';
import { plainChain } from './plain-chains.ts';
import type { Session } from './sessions.ts';

/** The two sides of a session: what its keys are bound to. Keys in hex. */
export interface Peers {
  readonly own: { readonly code: string; readonly eddsaPublicKey: string };
  readonly peer: { readonly code: string; readonly eddsaPublicKey: string };
}

/** A request and its answer, as one of the two sides has them. Hex, where it is bytes. */
export interface Agreed {
  readonly role: 'initiator' | 'responder';
  readonly peers: Peers;
  /** SHA-256 of the data of request and answer. */
  readonly requestDigest: string;
  readonly answerDigest: string;
  readonly own: { readonly secretKey: string; readonly publicKey: string; readonly static: boolean };
  readonly theirPublicKey: string;
  readonly atMs: number;
  /** Null for version 1. */
  readonly terms: { readonly generation: number; readonly kemSecret: Uint8Array | null } | null;
  /** Of a session of version 1, which has none of its own: our order. */
  readonly localGeneration: number;
}

/** The session of an exchange; null if their key gives no secret. */
export function sessionOf(agreed: Agreed): Session | null {
  const { role, peers, own, terms, atMs, localGeneration } = agreed;
  const keys = terms === null ? plainKeys(agreed) : ratchetKeys(agreed, terms.kemSecret);
  if (keys === null) return null;
  const asksFirst =
    role === 'initiator' ? peers.own.code < peers.peer.code : peers.peer.code < peers.own.code;
  return {
    ...keys,
    version: terms === null ? 1 : 2,
    role,
    generation: terms === null ? localGeneration : terms.generation,
    smallerAsked: asksFirst,
    // The answer proves to the initiator that the responder has the keys.
    proven: role === 'initiator',
    hybrid: terms !== null && terms.kemSecret !== null,
    static: own.static,
    atMs,
  };
}

/** The parties of an exchange, raw. */
export function partiesOf({ own, peer }: Peers, role: 'initiator' | 'responder'): Parties {
  const [initiator, responder] = role === 'initiator' ? [own, peer] : [peer, own];
  return {
    initiator: { code: initiator.code, eddsaPublicKey: hexToBytes(initiator.eddsaPublicKey) },
    responder: { code: responder.code, eddsaPublicKey: hexToBytes(responder.eddsaPublicKey) },
  };
}

type Keys = Pick<Session, 'id' | 'send' | 'receive'>;

function ratchetKeys(agreed: Agreed, kemSecret: Uint8Array | null): Keys | null {
  const ecdhSecret = secretOf(agreed);
  if (ecdhSecret === null) return null;
  const name = exchangeName(hexToBytes(agreed.requestDigest), hexToBytes(agreed.answerDigest));
  const parties = partiesOf(agreed.peers, agreed.role);
  const keys = chainKeys({ name, ecdhSecret, kemSecret: kemSecret ?? new Uint8Array(), parties });
  const id = bytesToHex(name);
  const chain = (key: Uint8Array): ReceivingChain => ({
    key: bytesToHex(key),
    next: 0,
    link: id,
    missing: [],
  });
  return directed(id, agreed.role, chain(keys.initiatorToResponder), chain(keys.responderToInitiator));
}

function plainKeys(agreed: Agreed): Keys | null {
  const { role, own, theirPublicKey, requestDigest } = agreed;
  const secret = secretOf(agreed);
  if (secret === null) return null;
  const { initiator, responder } = partiesOf(agreed.peers, role);
  const [asked, answered] =
    role === 'initiator' ? [own.publicKey, theirPublicKey] : [theirPublicKey, own.publicKey];
  const keys = deriveKeys({
    secret,
    initiator: { ...initiator, ecdhPublicKey: hexToBytes(asked) },
    responder: { ...responder, ecdhPublicKey: hexToBytes(answered) },
  });
  const chain = (key: Uint8Array) => plainChain(bytesToHex(key));
  return directed(requestDigest, role, chain(keys.initiatorToResponder), chain(keys.responderToInitiator));
}

function directed(
  id: string,
  role: 'initiator' | 'responder',
  forth: ReceivingChain,
  back: ReceivingChain,
): Keys {
  return role === 'initiator' ? { id, send: forth, receive: back } : { id, send: back, receive: forth };
}

function secretOf({ own, theirPublicKey }: Agreed): Uint8Array | null {
  try {
    return sharedSecret(hexToBytes(own.secretKey), hexToBytes(theirPublicKey));
  } catch {
    // All zero: their key is of small order, whatever else is said of it.
    return null;
  }
}
