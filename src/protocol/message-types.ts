/** Types of `message` that mean something to the relay; every other one is the peers' business. */
export const CONNECT = 'connect';

/** The relay's own: a client that sends one gets `bad_frame`. */
export const RELAY_TYPES = ['connect_ack', 'challenge', 'accepted', 'error', 'drained'] as const;
export type RelayType = (typeof RELAY_TYPES)[number];

/** Must carry a usable `payload.ecdh_public_key`. */
export const KEY_EXCHANGE_TYPES = ['key_exchange', 'key_exchange_ack'] as const;

/** The syntax of a type, and of an envelope's `id`. */
export const TYPE = /^[a-z][a-z0-9_]{0,31}$/;
export const TYPE_CHARACTERS_MAX = 32;
export const ENVELOPE_ID = /^[A-Za-z0-9_-]{1,64}$/;
export const ENVELOPE_ID_CHARACTERS_MAX = 64;

/** Who speaks when the relay does. Not a code, so no user can be it. */
export const SERVER = 'server';
