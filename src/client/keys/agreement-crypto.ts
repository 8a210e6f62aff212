import { bytesToHex, hexToBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { x25519 } from '../../crypto/x25519.ts';
import { signedText } from '../../protocol/frames/relay-frames.ts';
import type { Identity } from '../account/identity.ts';
import { digestOfData, signedFrame } from '../account/signing.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import type { Batch } from '../storage/records.ts';
import type { PendingRequest } from './exchange/exchange.ts';
import {
  type AnswerPayload,
  type FirstMessage,
  type RequestPayload,
  type RequestTerms,
  writeAnswer,
  writeRequest,
} from './exchange/exchange-payloads.ts';
import {
  openFirstMessage,
  type PublishedKeys,
  type PublishedSecrets,
  sealFirstMessage,
} from './exchange/first-message.ts';
import { KEM_SEED_BYTES, kemIfLoaded } from './exchange/hybrid.ts';
import { type Agreed, type Peers, partiesOf, sessionOf } from './messages/session-keys.ts';
import type { Session } from './messages/sessions.ts';
import type { Trust } from './trust.ts';

export interface AgreementCryptoOptions {
  readonly own: { readonly code: string; readonly identity: Identity };
  readonly peer: string;
  readonly trust: Trust;
  /** Of what we have published for first messages. */
  readonly secrets: PublishedSecrets & {
    /** A first message has opened under this key. */
    readonly used: (prekey: string, batch: Batch) => void;
  };
  /** What was claimed of the peer's for the next first message: given once. */
  readonly takePrekeys: () => PublishedKeys['prekeys'];
  /** The plain flow: version 1 with the static, registered pair. */
  readonly registeredKeys: boolean;
}

/** Keys as hex; `static` if they are those of the identity. */
interface KeyPair {
  readonly secretKey: string;
  readonly publicKey: string;
  readonly static: boolean;
}

/** When a session is agreed, and its order among ours if it is of version 1. */
export type NextSession = Pick<Agreed, 'atMs' | 'localGeneration'>;

/** A request to be sent, and what its answer will be opened with. */
interface Request {
  readonly digest: string;
  readonly frame: string;
  readonly keys: KeyPair;
  /** Hex; null if the request offers no ML-KEM. */
  readonly kemSeed: string | null;
  readonly hasFirst: boolean;
}

/** An answer to a request, to be sent, and the session that it agrees on. */
interface Answer {
  readonly id: string;
  readonly frame: string;
  readonly session: Session;
  /** The message inside the request, if it has opened. */
  readonly first: Uint8Array | null;
}

/** What an agreement signs, seals and opens with the keys of the identity. It keeps no state. */
export class AgreementCrypto {
  readonly #options: AgreementCryptoOptions;

  constructor(options: AgreementCryptoOptions) {
    this.#options = options;
  }

  /** The signed frame of an envelope to the peer, and the digest of what is signed. */
  sign(
    id: string,
    message: { type: string; payload: unknown },
  ): { readonly digest: string; readonly frame: string } {
    const { own, peer } = this.#options;
    const data = signedText({ sender: own.code, recipient: peer, id, message });
    return { digest: digestOfData(utf8ToBytes(data)), frame: signedFrame(data, own.identity) };
  }

  /** Of this exchange alone; in the plain flow, that of the identity. */
  #keyPair(): KeyPair {
    const { own, registeredKeys } = this.#options;
    const secretKey = registeredKeys ? own.identity.exchangeKey : x25519.utils.randomSecretKey();
    const publicKey = registeredKeys
      ? own.identity.ecdhPublicKey
      : bytesToHex(x25519.getPublicKey(secretKey));
    return { secretKey: bytesToHex(secretKey), publicKey, static: registeredKeys };
  }

  /** Null while the library for ML-KEM is not loaded. The plain flow leaves out the terms; `first` goes inside. */
  request(
    id: string,
    terms: Omit<RequestTerms, 'kemPublicKey' | 'first'>,
    first: Uint8Array | null,
  ): Request | null {
    const { registeredKeys } = this.#options;
    const kem = kemIfLoaded();
    if (kem === null && !registeredKeys) return null;
    const keys = this.#keyPair();
    const seed = registeredKeys ? null : randomBytes(KEM_SEED_BYTES);
    const kemPublicKey = seed === null ? null : (kem?.publicKeyOf(seed) ?? null);
    const sealedFirst = first === null ? null : this.#sealFirst(first, keys);
    const payload = writeRequest({
      publicKey: keys.publicKey,
      terms: registeredKeys ? null : { ...terms, kemPublicKey, first: sealedFirst },
    });
    const { digest, frame } = this.sign(id, { type: 'key_exchange', payload });
    const kemSeed = seed === null ? null : bytesToHex(seed);
    return { digest, frame, keys, kemSeed, hasFirst: sealedFirst !== null };
  }

  /** Null if a key of the request is not allowed. `generation` is null by version 1. Load the library for ML-KEM first. */
  answer(
    {
      digest,
      asked,
      generation,
    }: { readonly digest: string; readonly asked: RequestPayload; readonly generation: number | null },
    next: NextSession,
    batch: Batch,
  ): Answer | null {
    const own = this.#keyPair();
    const { publicKey: theirPublicKey, terms } = asked;
    const first = terms?.first ? this.#openFirst(theirPublicKey, terms.first, batch) : null;
    const kem = terms?.kemPublicKey ? encapsulate(terms.kemPublicKey) : null;
    // Not a key that FIPS 203 allows.
    if (kem === 'refused') return null;
    const payload = writeAnswer({
      publicKey: own.publicKey,
      inReplyTo: digest,
      terms:
        generation === null
          ? null
          : {
              kemCiphertext: kem?.ciphertext ?? null,
              generation,
              first: terms?.first ? (first === null ? 'unreadable' : 'opened') : null,
            },
    });
    const id = newEnvelopeId();
    const signed = this.sign(id, { type: 'key_exchange_ack', payload });
    const session = sessionOf({
      role: 'responder',
      peers: this.#peers(),
      requestDigest: digest,
      answerDigest: signed.digest,
      own,
      theirPublicKey,
      terms: generation === null ? null : { generation, kemSecret: kem?.secret ?? null },
      ...next,
    });
    return session && { id, frame: signed.frame, session, first };
  }

  /** The session of our request and its answer; null if a key of the answer is not allowed. */
  sessionOf(
    request: PendingRequest,
    { digest, publicKey, terms }: AnswerPayload & { readonly digest: string },
    next: NextSession,
  ): Session | null {
    return sessionOf({
      role: 'initiator',
      peers: this.#peers(),
      requestDigest: request.id,
      answerDigest: digest,
      own: request,
      theirPublicKey: publicKey,
      terms: terms && {
        generation: terms.generation,
        kemSecret:
          terms.kemCiphertext && request.kemSeed
            ? (kemIfLoaded()?.decapsulate(terms.kemCiphertext, hexToBytes(request.kemSeed)) ?? null)
            : null,
      },
      ...next,
    });
  }

  #peers(): Peers {
    const { own, peer, trust } = this.#options;
    return {
      own: { code: own.code, eddsaPublicKey: own.identity.eddsaPublicKey },
      peer: { code: peer, eddsaPublicKey: trust.pinnedKey },
    };
  }

  /** The message inside a request; null while the peer's registered key is not known. */
  #sealFirst(plaintext: Uint8Array, keys: KeyPair): FirstMessage | null {
    const { registeredKey } = this.#options.trust;
    if (registeredKey === null) return null;
    const by = { ...keys, parties: partiesOf(this.#peers(), 'initiator') };
    try {
      return sealFirstMessage(plaintext, by, { registeredKey, prekeys: this.#options.takePrekeys() });
    } catch {
      // An ML-KEM key that FIPS 203 does not allow, signed by the peer all the same.
      return sealFirstMessage(plaintext, by, { registeredKey, prekeys: null });
    }
  }

  /** Null if it does not open. */
  #openFirst(publicKey: string, first: FirstMessage, batch: Batch): Uint8Array | null {
    const { secrets } = this.#options;
    const parties = partiesOf(this.#peers(), 'responder');
    const plaintext = openFirstMessage(first, { publicKey, parties }, secrets);
    if (plaintext !== null && first.prekey !== null) secrets.used(first.prekey, batch);
    return plaintext;
  }
}

/** To an ML-KEM key of the peer; `refused` if it is not one that FIPS 203 allows. Load the library first. */
function encapsulate(publicKey: Uint8Array): { ciphertext: Uint8Array; secret: Uint8Array } | 'refused' {
  const kem = kemIfLoaded();
  if (kem === null) return 'refused';
  try {
    return kem.encapsulate(publicKey);
  } catch {
    return 'refused';
  }
}
