import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { Socket } from '../transport/socket.ts';
import { Login } from './login.ts';
import { Session } from './session.ts';

export interface ConnectionOptions {
  readonly node: RelayContext;
  readonly protocol: 1 | 2;
  /** What limits count this client as. */
  readonly address: string;
  readonly audience: string | null;
  /** Counts the connections of this node, for the log. */
  readonly number: number;
  readonly onLogin: (connection: Connection) => void;
}

/** One socket over its whole life: first an `Entrance`, then a `Session`. Turns what the gateway hears into their calls. */
export class Connection {
  readonly socket = new Socket();
  readonly address: string;
  readonly #options: ConnectionOptions;
  readonly #openedAtMs: number;
  #stage: Login | Session;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.address = options.address;
    this.#openedAtMs = options.node.now();
    this.#stage = new Login({
      ...options,
      socket: this.socket,
      onSession: (session) => this.#loggedIn(session),
    });
  }

  get pending(): boolean {
    return this.#stage instanceof Login;
  }

  open(): void {
    if (this.#stage instanceof Login) this.#stage.greet();
  }

  message(bytes: Uint8Array, isBinary: boolean): void {
    if (!this.socket.open) return;
    const { metrics, config } = this.#options.node;
    metrics.framesReceived.add();
    metrics.bytesReceived.add(bytes.length);
    if (isBinary) {
      this.#stage.finish(() => this.socket.close('malformed', 'frames are text'));
      return;
    }
    this.socket.frames += 1;
    if (bytes.length > config.maxFrameBytes) {
      const detail = `${bytes.length} bytes: a frame may have ${config.maxFrameBytes}`;
      const number = this.socket.frames;
      this.#stage.finish(() => {
        this.#stage.refuseTooLarge(detail, number);
        this.socket.close('tooBig', `a frame may have ${config.maxFrameBytes} bytes`);
      });
      return;
    }
    this.#stage.receive(bytes, this.socket.frames);
  }

  /** uWebSockets has answered it already; it only counts against floods. */
  ping(): void {
    const { node, address } = this.#options;
    const key = this.#stage instanceof Session ? this.#stage.code : `pending ${address}`;
    if (node.rates.penalties.take(key) > 0) this.socket.close('flooding', 'too many pings');
  }

  pong(payload: string): void {
    if (this.#stage instanceof Session) this.#stage.pong(payload);
  }

  drain(): void {
    if (this.#stage instanceof Session) this.#stage.drain();
  }

  /** Called about once a second. */
  tick(): void {
    const { node, protocol } = this.#options;
    if (this.#stage instanceof Session) {
      this.#stage.tick();
    } else if (node.now() - this.#openedAtMs > node.config.connectTimeoutMs && this.socket.open) {
      node.metrics.logins.of('timeout', `${protocol}`).add();
      this.socket.close('connectTimeout', `no connect within ${node.config.connectTimeoutMs} ms`);
    }
  }

  /** Closes with 1012 and a spread time to come back, after what is in flight. */
  async restart(): Promise<void> {
    if (this.#stage instanceof Session) await this.#stage.drainAndClose('restarting', restartReason());
    else this.socket.close('restarting', restartReason());
  }

  /** The socket is closed. Resolves when the store has been told. */
  async end(code: number): Promise<void> {
    const { node, number } = this.#options;
    this.socket.detach();
    const reason = this.socket.closedBy ?? (code === 1006 ? 'lost' : 'client');
    node.metrics.sessionsClosed.of(reason).add();
    if (!(this.#stage instanceof Session)) return;
    const durationMs = Math.round(node.now() - this.#openedAtMs);
    node.log.info('session ended', { session: number, close: code, reason, durationMs });
    await this.#stage.end();
  }

  #loggedIn(session: Session): void {
    const { node, protocol, number, address, onLogin } = this.#options;
    this.#stage = session;
    onLogin(this);
    node.log.info('session began', { session: number, protocol });
    node.log.debug('session of', { session: number, user: session.code, address });
  }
}
