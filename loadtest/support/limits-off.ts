/** Settings of a node that takes what it can: limits are not what is measured. Those per address are off in RelayNode. */
export const LIMITS_OFF = {
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_MAILBOX_SHARE: '100',
  RELAY_NOISE_PER_S: '0',
  RELAY_MAX_LAG_MS: '0',
  RELAY_LOG_LEVEL: 'info',
} as const;
