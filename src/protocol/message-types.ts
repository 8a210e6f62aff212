/** Types of `message` with a meaning for the relay; all others are between the peers. */
export const CONNECT = 'connect';

/** Types that only the relay sends: a client that sends one gets `bad_frame`. */
export const RELAY_TYPES = ['connect_ack', 'challenge', 'accepted', 'error', 'drained'] as const;
export type RelayType = (typeof RELAY_TYPES)[number];

/** Must carry a usable `payload.ecdh_public_key`. */
export const KEY_EXCHANGE_TYPES = ['key_exchange', 'key_exchange_ack'] as const;

/** The one type of envelope that a stranger may leave for a user who accepts known senders only. */
export const REQUEST: (typeof KEY_EXCHANGE_TYPES)[number] = 'key_exchange';

/** The sender of the relay's own frames, and by protocol 2 the recipient of commands. Not a code, so no user can have it. */
export const SERVER = 'server';
