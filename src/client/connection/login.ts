import { connectText } from '../../protocol/frames/relay-frames.ts';
import type { Endpoints } from '../account/endpoints.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import { ClientError } from '../errors.ts';
import type { ServerMessage } from './incoming.ts';
import type { PublishedState } from './published-state.ts';
import type { RelayClock } from './relay-clock.ts';

/** The content of `connect_ack` (docs/protocol.md 4); by protocol 1 it has none. */
export interface Welcome extends RelayLimits {
  /** Envelopes that wait in the mailbox; null by protocol 1. */
  readonly queued: number | null;
  /** Envelopes that expired in the mailbox since the last login; null by protocol 1. */
  readonly expired: number | null;
  readonly clock: RelayClock;
  /** What the relay has of our prekeys; null if it knows no such thing. */
  readonly prekeys: PublishedState | null;
}

/** The limits that a relay states at the login. */
export interface RelayLimits {
  /** The largest frame that the relay takes, in UTF-8 bytes. */
  readonly maxFrameBytes: number;
  /** Bytes that one mailbox holds. */
  readonly mailboxBytes: number;
  /** What one user may send in a second, sustained; 0: no limit. */
  readonly bytesPerS: number;
  readonly envelopesPerS: number;
}

/** The protocol's defaults, for relays that do not state their limits. */
export const DEFAULT_LIMITS: RelayLimits = {
  maxFrameBytes: 65_536,
  mailboxBytes: 4_194_304,
  bytesPerS: 4_194_304,
  envelopesPerS: 200,
};

export type LoginStep =
  | { readonly does: 'wait' }
  | { readonly does: 'send'; readonly frame: string }
  | { readonly does: 'welcome'; readonly welcome: Welcome };

/**
 * The login on one socket. Handles the relay's own frames only: an envelope before `connect_ack` is a violation and
 * is refused unread.
 */
export class Login {
  readonly #identity: Identity;
  readonly #code: string;
  readonly #endpoints: Endpoints;
  readonly #protocol: 1 | 2;
  #asked = false;
  /** The challenge named the relay. */
  #named = false;

  constructor(options: { identity: Identity; code: string; endpoints: Endpoints; protocol: 1 | 2 }) {
    this.#identity = options.identity;
    this.#code = options.code;
    this.#endpoints = options.endpoints;
    this.#protocol = options.protocol;
  }

  /** The socket is open, and the relay chose this subprotocol (empty: none). */
  opened(subprotocol: string): LoginStep {
    if (this.#protocol === 1) return this.#connect(null);
    if (subprotocol !== 'relay.v2') {
      // Falling back without being told to would let a middlebox that strips a header choose the weaker protocol.
      throw new ClientError(
        'downgraded',
        'The answer lacks Sec-WebSocket-Protocol: relay.v2. A proxy on the way removes that header, or the relay speaks ' +
          'protocol 1 only. Nothing was sent.',
      );
    }
    return { does: 'wait' };
  }

  /** Handles a message from the relay. Throws if the login must end. */
  heard(message: ServerMessage): LoginStep {
    switch (message.type) {
      case 'challenge':
        return this.#challenged(message.payload);
      case 'connect_ack':
        // A relay that accepts without our connect has verified no signature: it does not speak protocol 2.
        if (!this.#asked) throw new ClientError('refused', 'The relay sent connect_ack before our connect.');
        return {
          does: 'welcome',
          welcome: readWelcome(message.payload, this.#named ? [this.#endpoints.socket] : null),
        };
      default:
        return { does: 'wait' };
    }
  }

  #challenged(payload: Readonly<Record<string, unknown>>): LoginStep {
    const { nonce, audience } = payload;
    if (this.#protocol === 1 || this.#asked) return { does: 'wait' };
    if (typeof nonce !== 'string' || !/^[0-9a-f]{64}$/.test(nonce)) {
      throw new ClientError('refused', 'The challenge has no nonce of 64 hex digits.');
    }
    const dialled = this.#endpoints.socket;
    if (audience !== null && audience !== dialled) {
      throw new ClientError(
        'audience_mismatch',
        `The relay calls itself ${JSON.stringify(audience)}, but ${dialled} was dialled: this may be a relay in the ` +
          'middle, or its RELAY_PUBLIC_URL does not list this address. Nothing was signed.',
      );
    }
    this.#named = audience !== null;
    return this.#connect({ nonce, audience: dialled });
  }

  #connect(answer: { nonce: string; audience: string } | null): LoginStep {
    this.#asked = true;
    return { does: 'send', frame: signedFrame(connectText(this.#code, answer), this.#identity) };
  }
}

/** `dialled` is the relay's only name unless it lists several; null if it has none. */
function readWelcome(payload: Readonly<Record<string, unknown>>, dialled: readonly string[] | null): Welcome {
  const limits = (payload.limits ?? {}) as Readonly<Record<string, unknown>>;
  return {
    queued: numberOr(payload.queued, null),
    expired: numberOr(payload.expired, null),
    clock: {
      aheadMs: aheadOf(payload.server_time),
      audiences: dialled && namesOf(payload.audiences, dialled),
    },
    prekeys: readPrekeys(payload.prekeys),
    maxFrameBytes: numberOr(limits.max_frame_bytes, DEFAULT_LIMITS.maxFrameBytes),
    mailboxBytes: numberOr(limits.mailbox_bytes, DEFAULT_LIMITS.mailboxBytes),
    bytesPerS: numberOr(limits.bytes_per_s, DEFAULT_LIMITS.bytesPerS),
    envelopesPerS: numberOr(limits.envelopes_per_s, DEFAULT_LIMITS.envelopesPerS),
  };
}

function readPrekeys(value: unknown): PublishedState | null {
  const { generation, left, store } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isState = typeof generation === 'number' && typeof left === 'number' && typeof store === 'string';
  return isState ? { generation, left, store } : null;
}

function numberOr<Otherwise>(value: unknown, otherwise: Otherwise): number | Otherwise {
  return typeof value === 'number' && value >= 0 ? value : otherwise;
}

function aheadOf(serverTime: unknown): number {
  const ms = typeof serverTime === 'string' ? Date.parse(serverTime) : Number.NaN;
  return Number.isNaN(ms) ? 0 : ms - Date.now();
}

function namesOf(listed: unknown, dialled: readonly string[]): readonly string[] {
  const names = Array.isArray(listed) ? listed.filter((name) => typeof name === 'string') : [];
  return [...dialled, ...names];
}
