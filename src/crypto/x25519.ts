import { pow } from '@noble/curves/abstract/modular.js';
import { montgomery } from '@noble/curves/abstract/montgomery.js';
import { FIELD_ORDER } from './ed25519.ts';

/**
 * X25519 (RFC 7748): the library's ladder with the parameters of this curve. Its own `x25519` brings the whole Edwards
 * curve along to compute public keys in a third of the time, which twice the bundle is too much for.
 */
export const x25519 = montgomery({
  P: FIELD_ORDER,
  type: 'x25519',
  adjustScalarBytes: clamp,
  // The inverse by Fermat: which steps it takes depends on nothing secret.
  powPminus2: (x) => pow(x, FIELD_ORDER - 2n, FIELD_ORDER),
});

/** RFC 7748, section 5: `decodeScalar25519`. */
function clamp(bytes: Uint8Array): Uint8Array {
  const [first = 0, last = 0] = [bytes[0], bytes[31]];
  bytes[0] = first & 248;
  bytes[31] = (last & 127) | 64;
  return bytes;
}
