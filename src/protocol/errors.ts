/**
 * Every error code in `error` frames of the relay, declared once: types, docs and tests follow. `fault` says whether the
 * code counts towards the ten client faults a minute that close a socket with 4400.
 */
export const FRAME_ERRORS = {
  bad_frame: { fault: 'client', means: 'the frame is not what the protocol allows' },
  bad_signature: { fault: 'client', means: 'the signature does not verify, or the user is unknown' },
  bad_challenge: { fault: 'client', means: 'nonce or audience are not those of the challenge' },
  protocol_required: { fault: 'client', means: 'this account speaks protocol 2 only' },
  banned: { fault: 'none', means: 'the operator has banned this account; detail says until when' },
  not_connected: { fault: 'client', means: 'an envelope came before a successful connect' },
  sender_mismatch: { fault: 'client', means: 'the sender is not the user of this socket' },
  recipient_unknown: { fault: 'none', means: 'no user has this code' },
  id_conflict: { fault: 'client', means: 'the id was used for other bytes' },
  mailbox_full: {
    fault: 'none',
    means: 'the mailbox is full, or your share of it; this envelope was not stored',
  },
  rate_limited: { fault: 'none', means: 'too fast; not stored; wait retry_after_ms' },
  unknown_command: { fault: 'client', means: 'the relay knows no such command' },
  bad_command: { fault: 'client', means: 'the payload is not what this command takes' },
  limit_reached: { fault: 'none', means: 'you have as many of these as you may; nothing has changed' },
  too_large: { fault: 'client', means: 'the frame is over max_frame_bytes' },
  unavailable: { fault: 'none', means: 'not known to be stored: repeat with the same id' },
} as const satisfies Record<string, { fault: 'client' | 'none'; means: string }>;

export type FrameErrorCode = keyof typeof FRAME_ERRORS;
