import { fromBase64 } from '../../crypto/base64.ts';
import { checkX25519Key } from '../../crypto/keys.ts';
import { parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import { SIGNATURE_HEX_DIGITS } from '../../protocol/exchange-key.ts';
import {
  isPrekeyGeneration,
  KEM_KEY_BYTES,
  PREKEY_GENERATION_MAX,
  PREKEYS_MAX,
  type PrekeyBatch,
  prekeysText,
} from '../../protocol/prekeys.ts';
import { BadCommand, type Command, DONE, type Payload } from './command.ts';
import { hexIn, othersCodeIn } from './payload.ts';
import { tryCode } from './try-code.ts';

/** `prekeys {"generation", "keys", "kem_public_key", "signature", "store"}`: replaces the batch. */
export const prekeys: Command = async ({ context, session }, payload) => {
  const batch = batchIn(payload);
  const signature = hexIn(payload, 'signature', SIGNATURE_HEX_DIGITS);
  const { store } = payload;
  if (typeof store !== 'string') throw new BadCommand('store must be that of prekeys in connect_ack');
  const user = await context.engine.findUser(session.code);
  if (user === null || user === 'gone') return { lost: 'unknown_user' };
  const text = prekeysText(session.code, batch);
  if (!verifySignature(parsePublicKey(user.eddsaPublicKey), Buffer.from(text), signature)) {
    throw new BadCommand(
      'signature is not one of relay-prekeys:CODE:generation:kem_public_key:key,key… by your Ed25519 key',
    );
  }
  const result = await context.engine.prekeys.publish(session, { ...batch, signature }, store);
  if (result === 'stale')
    throw new BadCommand('generation must be higher than that of the batch that is there');
  if (result === 'elsewhere')
    throw new BadCommand(
      'store is not that of prekeys in connect_ack any more: log in again, and make another batch',
    );
  return result === 'done' ? DONE : { lost: result };
};

/** `prekey_claim {"code"}`, answered with that user's batch and the `index` of the key that is this claim's alone. */
export const prekeyClaim: Command = async (host, payload, id) => {
  const { context, session } = host;
  const code = othersCodeIn(payload, 'code', session);
  return tryCode(host, code, async () => {
    const claim = await context.engine.prekeys.claim({ code, claimer: session.code, id });
    if (claim.outcome === 'unknown_user') return null;
    if (claim.outcome === 'none') return { done: true, result: {} };
    const { generation, keys, kemPublicKey, signature } = claim.batch;
    const result = { generation, keys, kem_public_key: kemPublicKey, signature, index: claim.index };
    return { done: true, result };
  });
};

function batchIn(payload: Payload): PrekeyBatch {
  const { generation, keys, kem_public_key: kem } = payload;
  if (!isPrekeyGeneration(generation))
    throw new BadCommand(`generation must be an integer from 1 to ${PREKEY_GENERATION_MAX}`);
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > PREKEYS_MAX)
    throw new BadCommand(`keys must be a list of 1 to ${PREKEYS_MAX} X25519 keys`);
  for (const [index, key] of keys.entries()) {
    const wrong =
      typeof key === 'string' && key === key.toLowerCase() ? checkX25519Key(key) : 'must be lower-case hex';
    if (wrong !== null) throw new BadCommand(`keys[${index}] ${wrong}`);
  }
  if (new Set(keys).size < keys.length) throw new BadCommand('keys must all be different');
  if (typeof kem !== 'string' || fromBase64(kem)?.length !== KEM_KEY_BYTES)
    throw new BadCommand(`kem_public_key must be the canonical base64 of ${KEM_KEY_BYTES} bytes`);
  return { generation, keys: keys as string[], kemPublicKey: kem };
}
