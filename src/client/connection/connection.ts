import type { Endpoints } from '../account/endpoints.ts';
import type { Identity } from '../account/identity.ts';
import { ClientError } from '../errors.ts';
import { afterClose, fullJitterMs } from './backoff.ts';
import type { IncomingEnvelope, ServerMessage } from './incoming.ts';
import { Link, type LinkEnd } from './link.ts';
import type { Welcome } from './login.ts';
import type { SocketConstructor } from './web-socket.ts';

export type ConnectionState =
  /** Dialling, or logging in. */
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** The next try starts in `retryInMs`. */
  | { readonly state: 'offline'; readonly retryInMs: number; readonly reason: string }
  /** Final: `error` says why, and what to do. */
  | { readonly state: 'ended'; readonly error: ClientError };

export interface ConnectionOptions {
  readonly endpoints: Endpoints;
  readonly protocol: 1 | 2;
  readonly identity: Identity;
  readonly WebSocket: SocketConstructor;
  /** Resolves to the user's code, registering first if necessary. */
  readonly enrol: () => Promise<string>;
  /** Whether the relay still knows the user: asked after it has refused a login. */
  readonly isKnown: () => Promise<boolean>;
  readonly onState: (state: ConnectionState) => void;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onEnvelope: (envelope: IncomingEnvelope) => void;
  readonly onServer: (message: ServerMessage) => void;
  readonly onProbe: () => void;
  readonly onFrame: (direction: 'sent' | 'received', text: string) => void;
}

/** Between two tries that a person, or a network that comes and goes, asks for. */
const ASKED_AGAIN_AFTER_MS = 1_000;
/** After a connection of at least this length, the next wait starts short again. */
const GOOD_AFTER_MS = 1_500;

/** Keeps one socket logged in: dials, waits by the rules of docs/protocol.md 5, dials again. */
export class Connection {
  readonly #options: ConnectionOptions;
  #link: Link | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #ended = false;
  /** Between two tries: neither dialling nor registering. */
  #waiting = false;
  #dialledMs = Number.NEGATIVE_INFINITY;
  /** Number of the current try: an answer to an earlier one changes nothing. */
  #try = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Dials now, also out of a wait, because the network may be back. */
  start(): void {
    if (this.#ended || this.#link !== null) return;
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#dialledMs = performance.now();
    const number = ++this.#try;
    this.#options.onState({ state: 'connecting' });
    this.#options.enrol().then(
      (code) => this.#current(number, () => this.#dial(code)),
      (error: unknown) => this.#current(number, () => this.#failed(error)),
    );
  }

  send(frame: string): void {
    this.#link?.send(frame);
  }

  /** The network may be gone: probes the socket. */
  check(): void {
    this.#link?.heartbeat?.check();
  }

  /** The network may be back, or a person waits: probes the socket, or dials at once (but not more than once a second). */
  wake(): void {
    if (this.#link !== null) this.check();
    else if (this.#waiting && performance.now() - this.#dialledMs >= ASKED_AGAIN_AFTER_MS) this.start();
  }

  /** Drops this socket and dials again after a wait. */
  drop(error: ClientError): void {
    if (this.#link === null) return;
    this.#link.close();
    this.#over({ how: 'failed', error });
  }

  end(error: ClientError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#try += 1;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#options.onState({ state: 'ended', error });
  }

  #dial(code: string): void {
    let goodTimer: ReturnType<typeof setTimeout> | undefined;
    this.#link = new Link({
      ...this.#options,
      code,
      onWelcome: (welcome) => {
        goodTimer = setTimeout(() => {
          this.#attempt = 0;
        }, GOOD_AFTER_MS);
        this.#options.onWelcome(welcome);
        this.#options.onState({ state: 'live' });
      },
      onEnd: (end) => {
        clearTimeout(goodTimer);
        this.#over(end);
      },
    });
  }

  #over(end: LinkEnd): void {
    this.#link = null;
    if (end.how === 'failed') {
      this.#failed(end.error);
      return;
    }
    const after = afterClose(end.code, end.reason);
    const said =
      end.lastError ?? (end.reason === '' ? `closed with ${end.code}` : `${end.code} ${end.reason}`);
    if (after.reconnect === 'with full jitter') this.#wait(fullJitterMs(this.#attempt++), said);
    else if (after.reconnect === 'after') this.#wait(after.waitMs, said);
    else if (after.name === 'replaced')
      this.end(new ClientError('displaced', 'A newer connection of this identity took over.'));
    else if (after.name === 'notAuthenticated') this.#rejected(said);
    else this.end(new ClientError('refused', `The relay closed the connection and would again: ${said}.`));
  }

  /** The login failed. Tells a relay that has lost its users from one that rejects this key. */
  #rejected(said: string): void {
    const number = ++this.#try;
    const refused = new ClientError('refused', `The relay did not accept the login: ${said}.`);
    const gone = new ClientError(
      'account_gone',
      'The relay no longer knows this identity: register again for a new code.',
    );
    this.#options.isKnown().then(
      (known) => this.#current(number, () => this.end(known ? refused : gone)),
      () => this.#current(number, () => this.#wait(fullJitterMs(this.#attempt++), said)),
    );
  }

  #failed(error: unknown): void {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === 'unreachable') this.#wait(fullJitterMs(this.#attempt++), error.message);
    else this.end(error);
  }

  #wait(retryInMs: number, reason: string): void {
    if (this.#ended) return;
    this.#waiting = true;
    this.#options.onState({ state: 'offline', retryInMs, reason });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), retryInMs);
  }

  #current(number: number, then: () => void): void {
    if (!this.#ended && number === this.#try) then();
  }
}
