import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { x25519 } from '../../crypto/x25519.ts';
import { signedText } from '../../protocol/frames/relay-frames.ts';
import type { Identity } from '../account/identity.ts';
import { digestOfData, signedFrame } from '../account/signing.ts';
import type { Batch } from '../storage/records.ts';
import type { FirstMessage } from './exchange/exchange-payloads.ts';
import {
  openFirstMessage,
  type PublishedKeys,
  type PublishedSecrets,
  sealFirstMessage,
} from './exchange/first-message.ts';
import { kemIfLoaded } from './exchange/hybrid.ts';
import { type Peers, partiesOf } from './messages/session-keys.ts';
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
export interface KeyPair {
  readonly secretKey: string;
  readonly publicKey: string;
  readonly static: boolean;
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
  keyPair(): KeyPair {
    const { own, registeredKeys } = this.#options;
    const secretKey = registeredKeys ? own.identity.exchangeKey : x25519.utils.randomSecretKey();
    const publicKey = registeredKeys
      ? own.identity.ecdhPublicKey
      : bytesToHex(x25519.getPublicKey(secretKey));
    return { secretKey: bytesToHex(secretKey), publicKey, static: registeredKeys };
  }

  peers(): Peers {
    const { own, peer, trust } = this.#options;
    return {
      own: { code: own.code, eddsaPublicKey: own.identity.eddsaPublicKey },
      peer: { code: peer, eddsaPublicKey: trust.pinnedKey },
    };
  }

  /** The message inside a request; null while the peer's registered key is not known. */
  sealFirst(plaintext: Uint8Array, keys: KeyPair): FirstMessage | null {
    const { registeredKey } = this.#options.trust;
    if (registeredKey === null) return null;
    const by = { ...keys, parties: partiesOf(this.peers(), 'initiator') };
    try {
      return sealFirstMessage(plaintext, by, { registeredKey, prekeys: this.#options.takePrekeys() });
    } catch {
      // An ML-KEM key that FIPS 203 does not allow, signed by the peer all the same.
      return sealFirstMessage(plaintext, by, { registeredKey, prekeys: null });
    }
  }

  /** Null if it does not open. */
  openFirst(publicKey: string, first: FirstMessage, batch: Batch): Uint8Array | null {
    const { secrets } = this.#options;
    const parties = partiesOf(this.peers(), 'responder');
    const plaintext = openFirstMessage(first, { publicKey, parties }, secrets);
    if (plaintext !== null && first.prekey !== null) secrets.used(first.prekey, batch);
    return plaintext;
  }
}

/** To an ML-KEM key of the peer; `refused` if it is not one that FIPS 203 allows. Load the library first. */
export function encapsulate(
  publicKey: Uint8Array,
): { ciphertext: Uint8Array; secret: Uint8Array } | 'refused' {
  const kem = kemIfLoaded();
  if (kem === null) return 'refused';
  try {
    return kem.encapsulate(publicKey);
  } catch {
    return 'refused';
  }
}
