import { randomBytes } from 'node:crypto';
import { type PublicKey, parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import type { Account, ClaimResult, Subscription } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import type { FrameErrorCode } from '../../protocol/errors.ts';
import { type ClientFrame, decodeFrame } from '../../protocol/frame.ts';
import { type ConnectAckPayload, challenge, connectAck, errorFrame } from '../../protocol/frames.ts';
import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { signatureDetail } from '../inbound/inbound.ts';
import type { Socket } from '../transport/socket.ts';
import { EarlyEvents } from './early-events.ts';
import { Session } from './session.ts';

/** Frames sent right behind `connect` wait for its outcome, up to these bounds. */
const WAITING_FRAMES_MAX = 16;
const WAITING_BYTES_MAX = 64 * 1024;
/** What who sends more than that is told to wait; the socket is closed besides. */
const FLOOD_RETRY_MS = 1_000;

/** Who has less than this left of the bucket for noise waits before the next login. */
const QUIET_SHARE = 0.5;

/** Checked against where no user has the code, so that an unknown code costs as much as a wrong key. */
const NOBODY = parsePublicKey('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');

type Connect = Extract<ClientFrame, { kind: 'connect' }>;
type Claimed = Extract<ClaimResult, { outcome: 'claimed' }>;

export interface LoginOptions {
  readonly node: RelayContext;
  readonly socket: Socket;
  /** What limits count this client as. */
  readonly address: string;
  readonly protocol: 1 | 2;
  /** The URL that the client seems to have dialled, out of `RELAY_PUBLIC_URL`; null without that setting. */
  readonly audience: string | null;
  /** Called once, after `connect_ack` was sent; the frames that waited are handed over after it. */
  readonly onSession: (session: Session) => void;
}

interface Refusal {
  readonly code: FrameErrorCode;
  readonly detail: string;
  readonly close: CloseName;
  readonly retryAfterMs?: number;
}

/**
 * What a socket may do before it is authenticated: one `connect`, one verify, a bounded number of bytes.
 * A successful one becomes a `Session`.
 */
export class Login {
  readonly #options: LoginOptions;
  /** Of protocol 2: single use, for this socket. */
  readonly #nonce: string | null;
  /** The number of the frame with the one `connect`; null before it came. */
  #connectFrame: number | null = null;
  #waiting: { readonly bytes: Buffer; readonly number: number }[] = [];
  /** Sum over `#waiting`; at most `WAITING_BYTES_MAX`. */
  #waitingBytes = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#nonce = options.protocol === 2 ? randomBytes(32).toString('hex') : null;
  }

  /** Protocol 2 begins with a challenge. */
  greet(): void {
    const { socket, audience } = this.#options;
    if (this.#nonce !== null) socket.send(challenge(this.#nonce, audience));
  }

  /**
   * @param bytes valid only during the call
   * @param number of the client's text frame on this socket, from 1
   */
  receive(bytes: Uint8Array, number: number): void {
    if (this.#connectFrame !== null) {
      this.#wait(bytes, number);
      return;
    }
    const frame = decodeFrame(bytes, this.#options.protocol);
    if (frame.kind === 'malformed') {
      const detail = `${frame.reason} (at byte ${frame.offset})`;
      this.#refuse({ code: 'bad_frame', detail, close: 'malformed' }, number);
    } else if (frame.kind === 'connect') {
      this.#connectFrame = number;
      void this.#connect(frame, Buffer.from(bytes.subarray(frame.dataStart, frame.dataEnd)));
    } else if (frame.kind === 'envelope') {
      const detail = 'an envelope came before a successful connect: send connect first';
      this.#refuse({ code: 'not_connected', detail, close: 'notAuthenticated' }, number);
    } else {
      this.#refuse({ code: 'bad_frame', detail: 'an ack came before connect', close: 'malformed' }, number);
    }
  }

  refuseTooLarge(detail: string, number: number): void {
    this.#refuse({ code: 'too_large', detail, close: 'tooBig' }, number);
  }

  /** A frame that nothing can follow: before a login, nothing waits that it could overtake. */
  finish(close: () => void): void {
    close();
  }

  #wait(bytes: Uint8Array, number: number): void {
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length >= WAITING_FRAMES_MAX || this.#waitingBytes > WAITING_BYTES_MAX) {
      const detail = `more than ${WAITING_FRAMES_MAX} frames or ${WAITING_BYTES_MAX} bytes before connect_ack: wait for it`;
      this.#refuse({ code: 'rate_limited', detail, close: 'flooding', retryAfterMs: FLOOD_RETRY_MS }, number);
      return;
    }
    this.#waiting.push({ bytes: Buffer.from(bytes), number });
  }

  async #connect(frame: Connect, data: Buffer): Promise<void> {
    try {
      const account = await this.#options.node.engine.findUser(frame.sender);
      const key = account === null ? null : parsePublicKey(account.eddsaPublicKey);
      // After those who are in: a crowd of logins is a crowd of verifies.
      const refusal = await this.#options.node.scheduler.run(
        () => this.#check({ frame, data, account, key }) ?? this.#calm(frame.sender),
      );
      if (refusal !== null) this.#refuseConnect(refusal);
      else if (account !== null && key !== null) await this.#claim(account.code, key);
    } catch (error) {
      this.#options.node.log.debug('a login failed', { error });
      this.#refuseConnect({
        code: 'unavailable',
        detail: 'the store is away: come back later',
        close: 'restarting',
      });
    }
  }

  /** Null if this `connect` proves who the client is. Cheap checks first; one verify, whoever it is. */
  #check(login: {
    readonly frame: Connect;
    readonly data: Buffer;
    readonly account: Account | null;
    readonly key: PublicKey | null;
  }): Refusal | null {
    const { frame, data, account, key } = login;
    const { protocol, node } = this.#options;
    const close = 'notAuthenticated';
    if (!node.config.protocols.includes(protocol)) return { ...PROTOCOL_REQUIRED, close };
    if (protocol === 2) {
      const wrong = this.#wrongChallenge(frame);
      if (wrong !== null) return { code: 'bad_challenge', detail: wrong, close };
    }
    const startedMs = node.now();
    const valid = verifySignature(key ?? NOBODY, data, frame.signature);
    node.metrics.verifySeconds.observe((node.now() - startedMs) / 1000);
    // The same words for an unknown code, so that they do not tell which codes exist.
    if (!valid || key === null) return { code: 'bad_signature', detail: signatureDetail(data), close };
    if (account !== null && account.minProtocol > protocol) return { ...PROTOCOL_REQUIRED, close };
    return null;
  }

  /**
   * Devices that displace each other again and again wait for their turn, and so does who has made faults or noise: a
   * new socket is no new start. Only who proved to hold the key hears it.
   */
  #calm(code: string): Refusal | null {
    const { takeoverDamping, metrics, rates } = this.#options.node;
    const wait = (retryAfterMs: number, detail: string) =>
      ({ code: 'rate_limited', detail, close: 'restarting', retryAfterMs }) as const;
    const flapMs = Math.ceil(takeoverDamping.waitMs(code));
    if (flapMs > 0) {
      metrics.loginsDamped.add();
      return wait(flapMs, 'several devices with your key displace each other: close all but one');
    }
    const noiseMs = rates.penalties.waitMs(code, rates.penalties.burst * QUIET_SHARE);
    return noiseMs > 0 ? wait(noiseMs, 'too many faults, or too much noise, from you a moment ago') : null;
  }

  #wrongChallenge(frame: Connect): string | null {
    const { publicUrls } = this.#options.node.config;
    if (frame.challenge?.nonce !== this.#nonce)
      return 'the nonce is not that of the challenge on this socket';
    const { audience } = frame.challenge;
    if (publicUrls.length === 0 || (audience !== null && publicUrls.includes(audience))) return null;
    return `this relay is ${publicUrls.join(' or ')}, not ${audience}: sign the URL that you dialled, if it is one of them`;
  }

  /**
   * Subscribes, then claims, so that nothing can be stored unnoticed in between. After each await the socket is
   * looked at again, and what was claimed for a closed one is given up.
   */
  async #claim(code: string, key: PublicKey): Promise<void> {
    const { node, socket, protocol } = this.#options;
    if (!socket.open) return;
    const listener = new EarlyEvents();
    const subscription = await node.engine.subscribe(code, listener);
    try {
      if (!socket.open) return;
      const token = randomBytes(16).toString('hex');
      const login = await node.engine.claim({ code, token, protocol });
      if (login.outcome !== 'claimed') {
        // The user was there a moment ago, and has expired or spoken protocol 2 since.
        const unknown = { code: 'bad_signature', detail: 'no user has this code' } as const;
        const refusal = login.outcome === 'unknown_user' ? unknown : PROTOCOL_REQUIRED;
        this.#refuseConnect({ ...refusal, close: 'notAuthenticated' });
      } else if (!socket.open) {
        await node.engine.release(login.session);
      } else {
        this.#welcome({ key, login, subscription, listener });
      }
    } finally {
      if (listener.session === null) subscription.unsubscribe();
    }
  }

  #welcome(arrival: {
    readonly key: PublicKey;
    readonly login: Claimed;
    readonly subscription: Subscription;
    readonly listener: EarlyEvents;
  }): void {
    const { node, socket, address, protocol, onSession } = this.#options;
    const { key, login, subscription, listener } = arrival;
    const session = new Session({ node, socket, address, key, login });
    node.metrics.logins.of('accepted', `${protocol}`).add();
    node.metrics.envelopesWaited.add(login.waiting);
    node.metrics.envelopesExpired.add(login.expired);
    socket.send(connectAck(session.code, protocol === 2 ? this.#limits(login) : null));
    onSession(session);
    session.start(subscription);
    listener.handOver(session);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { bytes, number } of waiting) session.receive(bytes, number);
  }

  #limits(login: Claimed): ConnectAckPayload {
    const { config } = this.#options.node;
    return {
      queued: login.waiting,
      expired: login.expired,
      server_time: new Date().toISOString(),
      ...(config.publicUrls.length > 1 ? { audiences: config.publicUrls } : {}),
      limits: {
        max_frame_bytes: config.maxFrameBytes,
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

  #refuseConnect(refusal: Refusal): void {
    this.#refuse(refusal, this.#connectFrame ?? 0);
  }

  #refuse({ close, ...refusal }: Refusal, frame: number): void {
    const { node, socket, protocol } = this.#options;
    if (!socket.open) return;
    node.metrics.logins.of(refusal.code, `${protocol}`).add();
    socket.send(errorFrame({ ...refusal, recipient: null, frame }));
    socket.close(close, close === 'restarting' ? restartReason(refusal.retryAfterMs) : refusal.code);
  }
}

const PROTOCOL_REQUIRED = {
  code: 'protocol_required',
  detail:
    'protocol 1 is closed, by this relay or by a login of this account by protocol 2: ask for the subprotocol relay.v2',
} as const;
