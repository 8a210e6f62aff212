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
  readonly address: string;
  readonly #context: RelayContext;
  readonly #protocol: 1 | 2;
  readonly #number: number;
  /** In whole monotonic milliseconds: a number that V8 keeps without an object. */
  readonly #openedAtMs: number;
  #stage: Login | Session;

  constructor({ context, protocol, address, audience, number, onLogin }: ConnectionOptions) {
    this.address = address;
    this.#context = context;
    this.#protocol = protocol;
    this.#number = number;
    this.#openedAtMs = Math.trunc(context.now());
    this.#stage = new Login({
      context,
      socket: this.socket,
      address,
      protocol,
      audience,
      onSession: (session) => {
        this.#stage = session;
        onLogin(this);
        this.#logBegin(session);
      },
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
    const { metrics, config } = this.#context;
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
    const key = this.#stage instanceof Session ? this.#stage.code : `pending ${this.address}`;
    if (this.#context.rates.penalties.take(key) > 0) this.socket.close('flooding', 'too many pings');
  }

  pong(payload: string): void {
    if (this.#stage instanceof Session) this.#stage.receipts.pong(payload);
  }

  drain(): void {
    if (this.#stage instanceof Session) this.#stage.drain();
  }

  /** Called about once a second. */
  tick(): void {
    if (this.#stage instanceof Session) {
      this.#stage.tick();
      return;
    }
    const { metrics, config, now } = this.#context;
    if (now() - this.#openedAtMs > config.connectTimeoutMs && this.socket.open) {
      metrics.logins.of('timeout', `${this.#protocol}`).add();
      this.socket.close('connectTimeout', `no connect within ${config.connectTimeoutMs} ms`);
    }
  }

  /** Closes with 1012 and a random time to come back, after what is in flight. */
  async restart(): Promise<void> {
    if (this.#stage instanceof Session) await this.#stage.drainAndClose('restarting', restartReason());
    else this.socket.close('restarting', restartReason());
  }

  /** The socket is closed. Resolves when the store has heard of it. */
  async end(code: number): Promise<void> {
    const { metrics, log, now } = this.#context;
    this.socket.detach();
    const reason = this.socket.closedBy ?? (code === 1006 ? 'lost' : 'client');
    metrics.sessionsClosed.of(reason).add();
    if (!(this.#stage instanceof Session)) return;
    const durationMs = Math.round(now() - this.#openedAtMs);
    log.info('session ended', { session: this.#number, close: code, reason, durationMs });
    await this.#stage.end({ closedBy: this.socket.closedBy, code });
  }

  #logBegin(session: Session): void {
    const { log } = this.#context;
    log.info('session began', { session: this.#number, protocol: this.#protocol });
    log.debug('session of', { session: this.#number, user: session.code, address: this.address });
  }
}
