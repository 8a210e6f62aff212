import { WORKING_PATIENCE } from '../context/patience.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { answerProblem, closeIfOpen } from '../http/problem.ts';
import { Connection } from '../session/connection.ts';
import type { AddressReader } from '../transport/client-address.ts';
import { RequestHeaders } from '../transport/headers.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from '../transport/uws.ts';
import { AcceptLimit } from './accept-limit.ts';
import { Admission, type RefusedUpgrade } from './admission.ts';
import { LoopLag } from './lag.ts';
import { Occupancy } from './occupancy.ts';
import { agree, audienceOf, readUpgrade, type Upgrade } from './upgrade.ts';

const TICK_MS = 1_000;
/** Control frames and one window may wait behind a slow reader; anything beyond is dropped, and the socket with it. */
const CONTROL_BYTES_MAX = 256 * 1024;
/** uWebSockets ends the process outside of this range. */
const IDLE_TIMEOUT_S_MAX = 960;

/** uWebSockets copies these members onto an object that it makes. */
interface UserData {
  readonly connection: Connection;
}

/** The WebSocket side of a node: upgrades, and the events of every socket. */
export class Gateway {
  readonly admission: Admission;
  readonly #context: RelayContext;
  readonly #addresses: AddressReader;
  readonly #acceptLimit: AcceptLimit;
  readonly #connections = new Set<Connection>();
  /** Those that have not logged in, oldest first. */
  readonly #pending = new Set<Connection>();
  readonly #occupancy = new Occupancy();
  readonly #lag = new LoopLag();
  /** Sessions that have ended and that the store has not released yet. */
  readonly #ending = new Set<Promise<void>>();
  #opened = 0;
  #timer: NodeJS.Timeout | null = null;

  /** One function for all connections, which are many. */
  readonly #onLogin = (connection: Connection): void => {
    const { sockets } = this.#context.metrics;
    this.#occupancy.login(connection.address);
    this.#pending.delete(connection);
    sockets.of('pending').add(-1);
    sockets.of('connected').add(1);
  };

  constructor(context: RelayContext, addresses: AddressReader) {
    this.#context = context;
    this.#addresses = addresses;
    this.#acceptLimit = new AcceptLimit(context, addresses);
    this.admission = new Admission({ context, occupancy: this.#occupancy, lag: this.#lag });
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Resolves when the store has released every session that has ended. */
  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  register(app: TemplatedApp): void {
    const { config } = this.#context;
    this.#acceptLimit.register(app, () => this.#connections.size);
    app.ws<UserData>('/ws', {
      // Above our own limit, so that `too_large` and 1009 can be answered; beyond, the TCP connection is dropped.
      maxPayloadLength: 2 * config.maxFrameBytes,
      maxBackpressure: config.windowBytes + CONTROL_BYTES_MAX,
      closeOnBackpressureLimit: false,
      // The relay's pings ask for receipts; an automatic, empty one would swallow the receipt of the one before.
      sendPingsAutomatically: false,
      // Only a backstop for the heartbeat, and the end of sockets whose peer never closes its side.
      idleTimeout: Math.min(
        IDLE_TIMEOUT_S_MAX,
        Math.ceil((config.pingIntervalMs + config.pongTimeoutMs * WORKING_PATIENCE) / 1000) + 20,
      ),
      maxLifetime: 0,
      compression: 0,
      upgrade: (res, req, context) => this.#asked(res, req, context),
      open: (ws) => {
        const connection = ws.getUserData().connection;
        connection.socket.attach(ws);
        connection.open();
      },
      message: (ws, message, isBinary) =>
        ws.getUserData().connection.message(new Uint8Array(message), isBinary),
      ping: (ws) => ws.getUserData().connection.ping(),
      pong: (ws, payload) => ws.getUserData().connection.pong(Buffer.from(payload).toString('latin1')),
      drain: (ws) => ws.getUserData().connection.drain(),
      close: (ws, code) => this.#closed(ws.getUserData().connection, code),
    });
  }

  start(): void {
    const { metrics, config, workLevel } = this.#context;
    metrics.socketsMax.set(config.maxSockets);
    metrics.registrationWork.set(workLevel.bits);
    this.#lag.start();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#lag.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tick(): void {
    this.#context.metrics.registrationWork.set(this.#context.workLevel.bits);
    this.#lag.tick();
    for (const connection of this.#connections) connection.tick();
    for (const limiter of Object.values(this.#context.rates)) limiter.sweep();
    this.#context.takeoverDamping.sweep();
  }

  /**
   * Answers at once, because only in the handler uWebSockets gathers the answer into one write: later there are some
   * twenty, and a warning on stderr for each call. (`res.cork` is no way out. Behind its callback uWebSockets reads the
   * state of an HTTP response in what is a WebSocket by then, and closes it if a bit happens to be set there.) Logins
   * wait for logged-in connections; to let a client ask for one costs less than a verify.
   */
  #asked(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    // A throw from a handler would end the process.
    try {
      const headers = new RequestHeaders(req);
      const asked = readUpgrade(req, { headers, address: this.#addresses.of(res, headers), context });
      const refused = this.admission.refuse(asked, this.#connections.size);
      if (refused === null) this.#upgrade(res, asked);
      else this.#refuse(res, refused);
    } catch (error) {
      this.#context.log.error('an upgrade failed', { error });
      closeIfOpen(res);
    }
  }

  #refuse(res: HttpResponse, { reason, problem }: RefusedUpgrade): void {
    this.#context.metrics.upgradesRefused.of(reason).add();
    let aborted = false;
    res.onAborted(() => {
      aborted = true;
    });
    // While an answer is due, uWebSockets executes none of the bytes behind the request.
    setImmediate(() => {
      if (!aborted) res.cork(() => answerProblem(res, problem));
    });
  }

  #upgrade(res: HttpResponse, asked: Upgrade): void {
    const { config, metrics } = this.#context;
    const { address, headers, host, extensions } = asked;
    const { protocol, subprotocol } = agree(headers, config.protocols);
    this.#opened += 1;
    const connection = new Connection({
      context: this.#context,
      protocol,
      address,
      audience: audienceOf(host, config.publicUrls),
      number: this.#opened,
      onLogin: this.#onLogin,
    });
    this.#makeRoom();
    this.#connections.add(connection);
    this.#pending.add(connection);
    this.#acceptLimit.left();
    this.#occupancy.enter(address);
    metrics.sockets.of('pending').add(1);
    res
      .writeStatus('101 Switching Protocols')
      .writeHeader('Relay-Node', config.nodeId)
      .upgrade({ connection }, headers.get('sec-websocket-key'), subprotocol, extensions, asked.context);
  }

  /**
   * An honest client logs in within a few round trips, so the socket that has waited longest is the least likely to.
   * It is closed, so that a crowd of silent sockets cannot keep clients out.
   */
  #makeRoom(): void {
    if (this.#pending.size < this.#context.config.maxPending) return;
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    this.#pending.delete(oldest);
    oldest.socket.close('connectTimeout', 'no connect yet, and others are waiting');
  }

  #closed(connection: Connection, code: number): void {
    this.#connections.delete(connection);
    this.#pending.delete(connection);
    this.#context.metrics.sockets.of(connection.pending ? 'pending' : 'connected').add(-1);
    this.#occupancy.leave(connection.address, connection.pending);
    const ending = connection.end(code).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
