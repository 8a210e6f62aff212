import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { Socket } from '../transport/socket.ts';
import { Login } from './login.ts';
import { Session } from './session.ts';

export interface ConnectionOptions {
  readonly context: RelayContext;
  readonly protocol: 1 | 2;
  /** The address that limits count. */
  readonly address: string;
  readonly audience: string | null;
  /** Counts the connections of this node, for the log. */
  readonly number: number;
  readonly onLogin: (connection: Connection) => void;
}

/** One socket over its whole life: first a `Login`, then a `Session`. Turns what the gateway hears into their calls. */
export class Connection {
  readonly socket = new Socket();
  readonly #options: ConnectionOptions;
  readonly #openedAtMs: number;
  #stage: Login | Session;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#openedAtMs = options.context.now();
    this.#stage = new Login({
      ...options,
      socket: this.socket,
      onSession: (session) => this.#loggedIn(session),
    });
  }

  get address(): string {
    return this.#options.address;
  }

  get pending(): boolean {
    return this.#stage instanceof Login;
  }

  open(): void {
    if (this.#stage instanceof Login) this.#stage.greet();
  }

  message(bytes: Uint8Array, isBinary: boolean): void {
    if (!this.socket.open) return;
    const { metrics, config } = this.#options.context;
    metrics.framesReceived.add();
    metrics.bytesReceived.add(bytes.length);
    const receiver = this.#stage instanceof Session ? this.#stage.inbound : this.#stage;
    if (isBinary) {
      receiver.fatal({ close: 'malformed', reason: 'frames are text' }, this.socket.frames);
      return;
    }
    this.socket.frames += 1;
    const number = this.socket.frames;
    if (bytes.length <= config.maxFrameBytes) {
      receiver.receive(bytes, number);
      return;
    }
    const reason = `a frame may have ${config.maxFrameBytes} bytes`;
    const detail = `${bytes.length} bytes: a frame may have ${config.maxFrameBytes}`;
    receiver.fatal({ close: 'tooBig', reason, refusal: { code: 'too_large', detail } }, number);
  }

  /** uWebSockets has answered it already; it only counts against floods. */
  ping(): void {
    const { context, address } = this.#options;
    const key = this.#stage instanceof Session ? this.#stage.code : `pending ${address}`;
    if (context.rates.penalties.take(key) > 0) this.socket.close('flooding', 'too many pings');
  }

  pong(payload: string): void {
    if (this.#stage instanceof Session) this.#stage.receipts.pong(payload);
  }

  drain(): void {
    if (this.#stage instanceof Session) this.#stage.drain();
  }

  /** Called about once a second. */
  tick(): void {
    const { context, protocol } = this.#options;
    if (this.#stage instanceof Session) {
      this.#stage.tick();
    } else if (context.now() - this.#openedAtMs > context.config.connectTimeoutMs && this.socket.open) {
      context.metrics.logins.of('timeout', `${protocol}`).add();
      this.socket.close('connectTimeout', `no connect within ${context.config.connectTimeoutMs} ms`);
    }
  }

  /** Closes with 1012 and a random time to come back, after what is in flight. */
  async restart(): Promise<void> {
    if (this.#stage instanceof Session) await this.#stage.drainAndClose('restarting', restartReason());
    else this.socket.close('restarting', restartReason());
  }

  /** The socket is closed. Resolves when the store has heard of it. */
  async end(code: number): Promise<void> {
    const { context, number } = this.#options;
    this.socket.detach();
    const reason = this.socket.closedBy ?? (code === 1006 ? 'lost' : 'client');
    context.metrics.sessionsClosed.of(reason).add();
    if (!(this.#stage instanceof Session)) return;
    const durationMs = Math.round(context.now() - this.#openedAtMs);
    context.log.info('session ended', { session: number, close: code, reason, durationMs });
    await this.#stage.end({ closedBy: this.socket.closedBy, code });
  }

  #loggedIn(session: Session): void {
    const { context, protocol, number, address, onLogin } = this.#options;
    this.#stage = session;
    onLogin(this);
    context.log.info('session began', { session: number, protocol });
    context.log.debug('session of', { session: number, user: session.code, address });
  }
}
