const SPACE = 0x20;
/** Sizes of plaintexts up to 16 KiB; beyond, multiples of the last. */
const BUCKETS = [256, 1_024, 4_096, 16_384] as const;
const STEP_BYTES = 16_384;

/** What stands around the ciphertext in a frame of a `message`, nonce and tag included, in bytes, at most. */
const FRAME_BESIDES = 640;

/** The longest plaintext that fits into a frame of so many bytes: the ciphertext is base64. */
export function plaintextBytesMax(maxFrameBytes: number): number {
  return Math.max(0, Math.floor((maxFrameBytes - FRAME_BESIDES) / 4) * 3);
}

/**
 * The plaintext, which is JSON, with spaces behind it up to the next bucket: the relay sees a bucket, not a length. The
 * last bucket is what just fits into a frame.
 */
export function padded(plaintext: Uint8Array, maxFrameBytes: number): Uint8Array {
  const bucket =
    BUCKETS.find((bytes) => bytes >= plaintext.length) ??
    Math.ceil(plaintext.length / STEP_BYTES) * STEP_BYTES;
  const bytes = Math.max(plaintext.length, Math.min(bucket, plaintextBytesMax(maxFrameBytes)));
  const result = new Uint8Array(bytes).fill(SPACE);
  result.set(plaintext);
  return result;
}
