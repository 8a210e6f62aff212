import { createRequire } from 'node:module';
import sodium from 'sodium-native';

/** A library that verifies Ed25519. Both are as strict as `verifySignature` says; tests hold them against each other. */
export interface Verifier {
  readonly library: 'AWS-LC' | 'libsodium';
  /** Whether `signature` (64 bytes) is the key's (32 bytes) signature of `message`. */
  readonly verify: (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => boolean;
}

export const libsodium: Verifier = { library: 'libsodium', verify: sodium.crypto_sign_verify_detached };

/** What `npm run build:verify` builds from `native`: package.json says where it is. */
const BUILT = '#verify';

export const { awsLc, awsLcProblem } = loadAwsLc();

/** What verifies here. */
export const verifier: Verifier = awsLc ?? libsodium;

function loadAwsLc(): {
  /** In 0.7 of libsodium's time; null where it was not built, or does not load. */
  readonly awsLc: Verifier | null;
  /** Why it does not load although it was built; else null. */
  readonly awsLcProblem: string | null;
} {
  try {
    const { verify } = createRequire(import.meta.url)(BUILT) as Pick<Verifier, 'verify'>;
    return { awsLc: { library: 'AWS-LC', verify }, awsLcProblem: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { awsLc: null, awsLcProblem: code === 'MODULE_NOT_FOUND' ? null : message };
  }
}
