import { utf8ToBytes } from '@noble/hashes/utils.js';
import { ClientError } from '../errors.ts';

interface Envelope {
  readonly data: string;
  readonly signature: string;
}

/** What the frame of a command has beside its payload, in bytes, at most. */
const AROUND_BYTES = 512;

/**
 * The payload of a `report`: as many of the newest envelopes as fit into a frame.
 * @throws ClientError `invalid_argument` if there are none, or the reason takes all the room
 */
export function reportOf({
  code,
  reason,
  kept,
  maxFrameBytes,
}: {
  readonly code: string;
  readonly reason: string;
  /** Oldest first. */
  readonly kept: readonly Envelope[];
  readonly maxFrameBytes: number;
}): { readonly code: string; readonly reason: string; readonly envelopes: readonly Envelope[] } {
  for (let from = 0; from < kept.length; from += 1) {
    const report = { code, reason, envelopes: kept.slice(from) };
    if (utf8ToBytes(JSON.stringify(report)).length <= maxFrameBytes - AROUND_BYTES) return report;
  }
  const why =
    kept.length === 0
      ? `No message of ${code} has come here.`
      : 'Nothing of it fits into a frame of this relay.';
  throw new ClientError('invalid_argument', `There is nothing to report: ${why}`);
}
