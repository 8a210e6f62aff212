/** Types of `message` that mean something to the relay; every other one is the peers' business. */
export const CONNECT = 'connect';

/** The relay's own: a client that sends one gets `bad_frame`. */
export const RELAY_TYPES = ['connect_ack', 'challenge', 'accepted', 'error', 'drained'] as const;
export type RelayType = (typeof RELAY_TYPES)[number];

/** Must carry a usable `payload.ecdh_public_key`. */
export const KEY_EXCHANGE_TYPES = ['key_exchange', 'key_exchange_ack'] as const;

/** What a stranger may leave with somebody who hears known people only. */
export const REQUEST: (typeof KEY_EXCHANGE_TYPES)[number] = 'key_exchange';

/** The sender of what the relay says, and by protocol 2 the recipient of commands to it. Not a code: no user can be it. */
export const SERVER = 'server';
