import { checkX25519Key } from '../../crypto/keys.ts';
import { parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import { KEY_HEX_DIGITS, SIGNATURE_HEX_DIGITS } from '../../protocol/exchange-key.ts';
import { proofText } from '../../protocol/registration.ts';
import { BadCommand, type Command, DONE } from './command.ts';
import { hexIn } from './payload.ts';

/** `rotate {"ecdh_public_key", "proof"}`: another X25519 key, by the same proof as at registration. */
export const rotate: Command = async ({ context, session }, payload) => {
  const ecdh = hexIn(payload, 'ecdh_public_key', KEY_HEX_DIGITS);
  const proof = hexIn(payload, 'proof', SIGNATURE_HEX_DIGITS);
  const wrong = checkX25519Key(ecdh);
  if (wrong !== null) throw new BadCommand(`ecdh_public_key ${wrong}`);
  const user = await context.engine.findUser(session.code);
  if (user === null || user === 'gone') return { lost: 'unknown_user' };
  const text = proofText(ecdh, user.eddsaPublicKey);
  if (!verifySignature(parsePublicKey(user.eddsaPublicKey), Buffer.from(text), proof)) {
    throw new BadCommand(`proof is not a signature of "${text}" by your Ed25519 key`);
  }
  const result = await context.engine.rotate(session, ecdh, proof);
  return result === 'done' ? DONE : { lost: result };
};

/** `delete_account {}`: the socket closes behind the answer. */
export const deleteAccount: Command = async ({ context, session }) => {
  const result = await context.engine.leave(session);
  if (result !== 'left') return { lost: result };
  context.log.info('an account was deleted by its user');
  return { done: true, close: 'deleted' };
};
