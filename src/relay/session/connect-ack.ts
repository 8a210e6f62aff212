import type { ClaimResult } from '../../engine/engine.ts';
import type { Config } from '../../ops/settings/config.ts';
import { DELIVERED_EXTRA_BYTES_MAX } from '../../protocol/frames/delivered.ts';
import type { ConnectAckPayload } from '../../protocol/frames/relay-frames.ts';

/** What a client of protocol 2 learns at its login: what waits for it, and what the relay allows. */
export function connectAckPayload(
  config: Config,
  login: Pick<Extract<ClaimResult, { outcome: 'claimed' }>, 'waiting' | 'expired' | 'prekeys'>,
): ConnectAckPayload {
  return {
    queued: login.waiting,
    expired: login.expired,
    server_time: new Date().toISOString(),
    ...(config.publicUrls.length > 1 ? { audiences: config.publicUrls } : {}),
    prekeys: login.prekeys,
    limits: {
      max_frame_bytes: config.maxFrameBytes,
      max_delivered_bytes: config.maxFrameBytes + DELIVERED_EXTRA_BYTES_MAX,
      mailbox_envelopes: config.mailboxEnvelopes,
      mailbox_bytes: config.mailboxBytes,
      mailbox_ttl_s: config.mailboxTtlMs / 1000,
      window_envelopes: config.windowEnvelopes,
      window_bytes: config.windowBytes,
      envelopes_per_s: config.envelopesPerSecond,
      bytes_per_s: config.bytesPerSecond,
    },
  };
}
