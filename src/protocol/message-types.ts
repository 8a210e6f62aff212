/** Types of `message` that mean something to the relay; every other one is the peers' business. */
export const CONNECT = 'connect';

/** The relay's own: a client that sends one gets `bad_frame`. */
export const RELAY_TYPES = ['connect_ack', 'challenge', 'accepted', 'error', 'drained'] as const;
export type RelayType = (typeof RELAY_TYPES)[number];

/** Must carry a usable `payload.ecdh_public_key`. */
export const KEY_EXCHANGE_TYPES = ['key_exchange', 'key_exchange_ack'] as const;

/** Who speaks when the relay does. Not a code, so no user can be it. */
export const SERVER = 'server';
