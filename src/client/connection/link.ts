import type { Endpoints } from '../account/endpoints.ts';
import type { Identity } from '../account/identity.ts';
import { reasonOf } from '../account/reasons.ts';
import { ClientError } from '../errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { type IncomingEnvelope, readIncoming, type ServerMessage } from './incoming.ts';
import { Login, type LoginStep, type Welcome } from './login.ts';
import { abandon, type SocketConstructor, type SocketLike } from './web-socket.ts';

/** From dialling to `connect_ack`. */
const LOGIN_WITHIN_MS = 15_000;
/** Well above what a relay delivers by default; a longer text is refused unread. */
const INCOMING_CHARACTERS_MAX = 262_144;

/** Why a link ended. */
export type LinkEnd =
  | {
      readonly how: 'closed';
      readonly code: number;
      readonly reason: string;
      readonly lastError: string | null;
    }
  | { readonly how: 'failed'; readonly error: ClientError };

export interface LinkOptions {
  readonly endpoints: Endpoints;
  readonly protocol: 1 | 2;
  readonly identity: Identity;
  readonly code: string;
  readonly WebSocket: SocketConstructor;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onEnvelope: (envelope: IncomingEnvelope) => void;
  /** `accepted`, `error`, `drained` and any other message from the relay after the login. */
  readonly onServer: (message: ServerMessage) => void;
  /** Must send something that makes the relay answer. */
  readonly onProbe: () => void;
  /** Every frame on the socket, for display. */
  readonly onFrame: (direction: 'sent' | 'received', text: string) => void;
  /** Called exactly once, and no other callback after it. */
  readonly onEnd: (end: LinkEnd) => void;
}

/** One socket, from dialling to its end. */
export class Link {
  readonly #options: LinkOptions;
  readonly #socket: SocketLike;
  readonly #login: Login;
  readonly #loginTimer: ReturnType<typeof setTimeout>;
  /** Null before the login. */
  heartbeat: Heartbeat | null = null;
  #ended = false;
  /** Detail of the relay's last `error`, or the runtime's reason for a failed connection: explains a close. */
  #lastError: string | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#login = new Login(options);
    this.#socket = new options.WebSocket(options.endpoints.socket, [`relay.v${options.protocol}`]);
    this.#loginTimer = setTimeout(() => this.#fail('No connect_ack within 15 s.'), LOGIN_WITHIN_MS);
    this.#socket.onopen = () => this.#guarded(() => this.#step(this.#login.opened(this.#socket.protocol)));
    this.#socket.onmessage = (event: { data: unknown }) => this.#guarded(() => this.#heard(event.data));
    this.#socket.onerror = (event: { message?: unknown; error?: unknown }) => {
      // `ws` says why it could not connect; browsers do not.
      const reason = reasonOf(event.error) ?? reasonOf(event);
      if (reason === null) return;
      this.#lastError ??= reason;
      // A browser leaves a missing subprotocol to `Login`; `ws` refuses it itself, and would do so again.
      if (reason.includes('subprotocol')) this.#guarded(() => this.#login.opened(''));
    };
    this.#socket.onclose = (event: { code: number; reason: string }) => {
      this.#end({ how: 'closed', code: event.code, reason: event.reason, lastError: this.#lastError });
    };
    // `ws` reports pings, which make probes unnecessary; browsers do not.
    (this.#socket as { on?: (name: string, listener: () => void) => void }).on?.('ping', () =>
      this.heartbeat?.heard(),
    );
  }

  /** Does nothing before the login and after the end: frames meant for an earlier socket must not go out on this one. */
  send(text: string): void {
    if (this.heartbeat !== null) this.#transmit(text);
  }

  /** Closes the socket without calling `onEnd`. */
  close(): void {
    this.#ended = true;
    clearTimeout(this.#loginTimer);
    this.heartbeat?.stop();
    abandon(this.#socket);
  }

  #heard(text: unknown): void {
    this.heartbeat?.heard();
    if (typeof text !== 'string') throw new ClientError('refused', 'The relay sent a binary frame.');
    if (text.length > INCOMING_CHARACTERS_MAX)
      throw new ClientError('refused', 'The relay sent an oversized frame.');
    this.#options.onFrame('received', text);
    const incoming = readIncoming(text);
    if (incoming.kind === 'unexpected') {
      throw new ClientError('refused', 'The relay sent a frame that the protocol does not know.');
    }
    if (incoming.kind === 'envelope') {
      if (this.heartbeat === null)
        throw new ClientError('refused', 'The relay sent an envelope before connect_ack.');
      this.#options.onEnvelope(incoming.envelope);
      return;
    }
    const { type, payload } = incoming.message;
    if (type === 'error') this.#lastError = `${String(payload.code)}: ${String(payload.detail)}`;
    if (this.heartbeat === null) this.#step(this.#login.heard(incoming.message));
    else this.#options.onServer(incoming.message);
  }

  #step(step: LoginStep): void {
    if (step.does === 'send') this.#transmit(step.frame);
    if (step.does !== 'welcome') return;
    clearTimeout(this.#loginTimer);
    this.heartbeat = new Heartbeat({
      probe: this.#options.onProbe,
      dead: () => this.#fail('The relay was silent for 35 s.'),
    });
    this.#options.onWelcome(step.welcome);
  }

  #transmit(text: string): void {
    if (this.#ended) return;
    this.#options.onFrame('sent', text);
    this.#socket.send(text);
  }

  #guarded(job: () => void): void {
    if (this.#ended) return;
    try {
      job();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#end({ how: 'failed', error });
    }
  }

  #fail(detail: string): void {
    this.#end({ how: 'failed', error: new ClientError('unreachable', detail) });
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    this.close();
    this.#options.onEnd(end);
  }
}
