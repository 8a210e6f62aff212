import { randomBytes } from 'node:crypto';
import { type PublicKey, parsePublicKey } from '../../crypto/verify.ts';
import type { Account, ClaimResult, Subscription } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import type { FrameErrorCode } from '../../protocol/errors.ts';
import { type ClientFrame, decodeFrame } from '../../protocol/frames/frame.ts';
import { challenge, connectAck, errorFrame } from '../../protocol/frames/relay-frames.ts';
import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { signatureDetail, verifyTimed } from '../context/signature.ts';
import type { FatalFrame } from '../inbound/refusals.ts';
import { sameUrl } from '../transport/public-url.ts';
import type { Socket } from '../transport/socket.ts';
import { connectAckPayload } from './connect-ack.ts';
import { EarlyEvents } from './early-events.ts';
import { Session } from './session.ts';

/** Frames sent right behind `connect` wait for its outcome, up to these bounds. */
const WAITING_FRAMES_MAX = 16;
const WAITING_BYTES_MAX = 64 * 1024;
/** Retry-after for clients that exceed these bounds; their socket is closed as well. */
const FLOOD_RETRY_MS = 1_000;

/** Below this share of penalty tokens, the next login is delayed. */
const LOGIN_SHARE = 0.5;

/** Verified against when no user has the code, so that an unknown code costs as much as a wrong key. */
const UNKNOWN_USER_KEY = parsePublicKey('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');

type Connect = Extract<ClientFrame, { kind: 'connect' }>;
type Claimed = Extract<ClaimResult, { outcome: 'claimed' }>;

export interface LoginOptions {
  readonly context: RelayContext;
  readonly socket: Socket;
  /** The address that limits count. */
  readonly address: string;
  readonly protocol: 1 | 2;
  /** The URL that the client seems to have dialled, out of `RELAY_PUBLIC_URL`; null without that setting. */
  readonly audience: string | null;
  /** Called once, after `connect_ack` was sent and before the waiting frames are handled. */
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
 * A successful login becomes a `Session`.
 */
export class Login {
  readonly #options: LoginOptions;
  /** Protocol 2: single use, for this socket. */
  readonly #nonce: string | null;
  /** The number of the `connect` frame; null before it came. */
  #connectFrame: number | null = null;
  readonly #waiting: { readonly bytes: Buffer; readonly number: number }[] = [];
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
    } else if (frame.kind === 'envelope' || frame.kind === 'command') {
      const detail = 'an envelope came before a successful connect: send connect first';
      this.#refuse({ code: 'not_connected', detail, close: 'notAuthenticated' }, number);
    } else {
      this.#refuse(
        {
          code: 'bad_frame',
          detail: `${frame.kind === 'ack' ? 'an ack' : 'a skip'} came before connect`,
          close: 'malformed',
        },
        number,
      );
    }
  }

  /** A fatal frame: answers with `refusal`, if there is one, and closes. */
  fatal({ close, reason, refusal }: FatalFrame, number: number): void {
    if (refusal === undefined) this.#options.socket.close(close, reason);
    else this.#refuse({ ...refusal, close }, number);
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
      const found = await this.#options.context.engine.findUser(frame.sender);
      const account = found === 'gone' ? null : found;
      const key = account === null ? null : parsePublicKey(account.eddsaPublicKey);
      // After logged-in connections: a crowd of logins is a crowd of verifies.
      const refusal = await this.#options.context.scheduler.run(
        () => this.#check({ frame, data, account, key }) ?? this.#delay(frame.sender),
      );
      if (refusal !== null) this.#refuseConnect(refusal);
      else if (account !== null && key !== null) await this.#claim(account.code, key);
    } catch (error) {
      this.#options.context.log.debug('a login failed', { error });
      this.#refuseConnect({
        code: 'unavailable',
        detail: 'the store is away: come back later',
        close: 'restarting',
      });
    }
  }

  /** Null if this `connect` proves the client's identity. Cheap checks first; one verify, for an unknown code too. */
  #check(login: {
    readonly frame: Connect;
    readonly data: Buffer;
    readonly account: Account | null;
    readonly key: PublicKey | null;
  }): Refusal | null {
    const { frame, data, account, key } = login;
    const { protocol, context } = this.#options;
    const close = 'notAuthenticated';
    if (!context.config.protocols.includes(protocol)) return { ...PROTOCOL_REQUIRED, close };
    if (protocol === 2) {
      const wrong = this.#wrongChallenge(frame);
      if (wrong !== null) return { code: 'bad_challenge', detail: wrong, close };
    }
    const signed = { key: key ?? UNKNOWN_USER_KEY, data, signature: frame.signature };
    // The same words for an unknown code, so that they do not tell which codes exist.
    if (!verifyTimed(context, signed) || key === null)
      return { code: 'bad_signature', detail: signatureDetail(data), close };
    if (account !== null && account.minProtocol > protocol) return { ...PROTOCOL_REQUIRED, close };
    return null;
  }

  /**
   * Null if the login may go on. Devices that displace each other again and again must wait, as do misbehaving clients:
   * reconnecting does not reset their penalty. Only a client that proved to hold the key hears of it.
   */
  #delay(code: string): Refusal | null {
    const { takeoverDamping, metrics, rates } = this.#options.context;
    const wait = (retryAfterMs: number, detail: string) =>
      ({ code: 'rate_limited', detail, close: 'restarting', retryAfterMs }) as const;
    const takeoverMs = Math.ceil(takeoverDamping.waitMs(code));
    if (takeoverMs > 0) {
      metrics.loginsDamped.add();
      return wait(takeoverMs, 'several devices with your key displace each other: close all but one');
    }
    const { penalties } = rates;
    const penaltyMs = penalties.waitMs(code, penalties.options.burst * LOGIN_SHARE);
    return penaltyMs > 0
      ? wait(penaltyMs, 'too many faults, or too much noise, from you a moment ago')
      : null;
  }

  #wrongChallenge(frame: Connect): string | null {
    const { publicUrls } = this.#options.context.config;
    if (frame.challenge?.nonce !== this.#nonce)
      return 'the nonce is not that of the challenge on this socket';
    const { audience } = frame.challenge;
    if (publicUrls.length === 0) return null;
    if (audience !== null && publicUrls.some((url) => sameUrl(url, audience))) return null;
    return `this relay is ${publicUrls.join(' or ')}, not ${audience}: sign the URL that you dialled, if it is one of them`;
  }

  /**
   * Subscribes, then claims, so that nothing can be stored unnoticed in between. After each await the socket is
   * checked again; a session claimed for a socket that has closed meanwhile is released.
   */
  async #claim(code: string, key: PublicKey): Promise<void> {
    const { context, socket, protocol } = this.#options;
    if (!socket.open) return;
    const early = new EarlyEvents();
    const subscription = await context.engine.subscribe(code, early);
    let welcomed = false;
    try {
      if (!socket.open) return;
      const token = randomBytes(16).toString('hex');
      const claimedAtMs = context.now();
      const login = await context.engine.claim({ code, token, protocol });
      if (login.outcome === 'banned') {
        this.#refuseConnect({ code: 'banned', detail: bannedDetail(login.untilMs), close: 'banned' });
      } else if (login.outcome !== 'claimed') {
        // The user was there a moment ago, and has expired or spoken protocol 2 since.
        const unknown = { code: 'bad_signature', detail: 'no user has this code' } as const;
        const refusal = login.outcome === 'unknown_user' ? unknown : PROTOCOL_REQUIRED;
        this.#refuseConnect({ ...refusal, close: 'notAuthenticated' });
      } else if (!socket.open) {
        await context.engine.release(login.session);
      } else {
        const session = this.#welcome({ key, login, subscription, claimedAtMs });
        subscription.handTo(session);
        early.replay(session);
        welcomed = true;
        this.#handOver(session);
      }
    } finally {
      if (!welcomed) subscription.unsubscribe();
    }
  }

  #welcome(arrival: {
    readonly key: PublicKey;
    readonly login: Claimed;
    readonly subscription: Subscription;
    readonly claimedAtMs: number;
  }): Session {
    const { context, socket, address, protocol, onSession } = this.#options;
    const { login } = arrival;
    const session = new Session({ context, socket, address, ...arrival });
    context.metrics.logins.of('accepted', `${protocol}`).add();
    context.metrics.envelopesWaited.add(login.waiting);
    context.metrics.envelopesExpired.add(login.expired);
    socket.send(connectAck(session.code, protocol === 2 ? connectAckPayload(context.config, login) : null));
    onSession(session);
    session.push.start();
    return session;
  }

  /** The frames that came behind `connect`. One of them may end the session. */
  #handOver(session: Session): void {
    for (const { bytes, number } of this.#waiting.splice(0)) {
      if (!session.ended) session.inbound.receive(bytes, number);
    }
  }

  #refuseConnect(refusal: Refusal): void {
    this.#refuse(refusal, this.#connectFrame ?? 0);
  }

  #refuse({ close, ...refusal }: Refusal, frame: number): void {
    const { context, socket, protocol } = this.#options;
    if (!socket.open) return;
    context.metrics.logins.of(refusal.code, `${protocol}`).add();
    socket.send(errorFrame({ ...refusal, recipient: null, frame }));
    socket.close(close, close === 'restarting' ? restartReason(refusal.retryAfterMs) : refusal.code);
  }
}

const PROTOCOL_REQUIRED = {
  code: 'protocol_required',
  detail:
    'protocol 1 is closed, by this relay or by a login of this account by protocol 2: ask for the subprotocol relay.v2; ' +
    'if you did, a proxy on the way has removed Sec-WebSocket-Protocol',
} as const;

function bannedDetail(untilMs: number | null): string {
  const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString()}`;
  return `the operator of this relay has banned this account${until}`;
}
