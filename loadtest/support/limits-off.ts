/** Settings of a node whose load comes from one address, as fast as it can: limits are not what is measured. */
export const LIMITS_OFF = {
  RELAY_UPGRADES_PER_S: '0',
  RELAY_SOCKETS_PER_ADDRESS: '0',
  RELAY_PENDING_PER_ADDRESS: '0',
  RELAY_REGISTRATIONS_PER_MIN: '0',
  RELAY_LOOKUPS_PER_MIN: '0',
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_MAILBOX_SHARE: '100',
  RELAY_NOISE_PER_S: '0',
  RELAY_MAX_LAG_MS: '0',
  RELAY_DRAIN_MS: '0',
  RELAY_LOG_LEVEL: 'info',
} as const;
