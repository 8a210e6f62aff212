import { pow } from '@noble/curves/abstract/modular.js';
import { montgomery } from '@noble/curves/abstract/montgomery.js';
import { FIELD_ORDER } from './ed25519.ts';

/**
 * X25519 (RFC 7748): the library's ladder with the parameters of this curve. The library's own `x25519` includes the
 * Edwards curve, which makes public keys three times as fast, but doubles the bundle.
 */
export const x25519 = montgomery({
  P: FIELD_ORDER,
  type: 'x25519',
  adjustScalarBytes: clamp,
  // The inverse by Fermat: its steps depend on nothing secret.
  powPminus2: (x) => pow(x, FIELD_ORDER - 2n, FIELD_ORDER),
});

/** RFC 7748, section 5: `decodeScalar25519`. */
function clamp(bytes: Uint8Array): Uint8Array {
  const [first = 0, last = 0] = [bytes[0], bytes[31]];
  bytes[0] = first & 248;
  bytes[31] = (last & 127) | 64;
  return bytes;
}
