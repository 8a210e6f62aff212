import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { deriveKeys, type Party, sharedSecret } from '../../crypto/kdf.ts';
import { exchangeKeyProblem } from '../../protocol/exchange-key.ts';

/** One side of an exchange; keys in hex, as they are stored and sent. */
export interface ExchangeParty {
  readonly code: string;
  readonly eddsaPublicKey: string;
  readonly exchangeKey: string;
}

/** The two keys of an exchange as its one side uses them, in hex; null if the other's key gives no secret. */
export function sessionKeys(exchange: {
  readonly initiator: ExchangeParty;
  readonly responder: ExchangeParty;
  readonly own: { readonly role: 'initiator' | 'responder'; readonly secretKey: string };
}): { sendKey: string; receiveKey: string } | null {
  const { initiator, responder, own } = exchange;
  const initiates = own.role === 'initiator';
  const theirKey = initiates ? responder.exchangeKey : initiator.exchangeKey;
  // Small order, which makes an all-zero secret, among other reasons.
  if (exchangeKeyProblem(theirKey) !== null) return null;
  const secret = sharedSecret(hexToBytes(own.secretKey), hexToBytes(theirKey));
  const keys = deriveKeys({ secret, initiator: rawParty(initiator), responder: rawParty(responder) });
  const forth = bytesToHex(keys.initiatorToResponder);
  const back = bytesToHex(keys.responderToInitiator);
  return initiates ? { sendKey: forth, receiveKey: back } : { sendKey: back, receiveKey: forth };
}

function rawParty(party: ExchangeParty): Party {
  return {
    code: party.code,
    eddsaPublicKey: hexToBytes(party.eddsaPublicKey),
    ecdhPublicKey: hexToBytes(party.exchangeKey),
  };
}
