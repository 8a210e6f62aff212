import type { RelayContext } from '../context/relay-context.ts';
import { closeIfOpen, problem } from '../http/problem.ts';
import { Connection } from '../session/connection.ts';
import type { AddressReader } from '../transport/client-address.ts';
import { RequestHeaders } from '../transport/headers.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from '../transport/uws.ts';
import { AcceptLimit } from './accept-limit.ts';
import { LoopLag } from './lag.ts';
import { Occupancy } from './occupancy.ts';
import { agree, audienceOf, readUpgrade, type Upgrade } from './upgrade.ts';

const TICK_MS = 1_000;
/** Control frames and one window may wait behind a slow reader; what comes on top is dropped, and the socket with it. */
const CONTROL_BYTES_MAX = 256 * 1024;
/** uWebSockets ends the process outside of this range. */
const IDLE_TIMEOUT_S_MAX = 960;

/** uWebSockets copies the members of this onto an object of its own. */
interface UserData {
  readonly connection: Connection;
}

type Refused = Parameters<RelayContext['metrics']['upgradesRefused']['of']>[0];

/** The WebSocket side of a node: upgrades, and what uWebSockets hears on every socket. */
export class Gateway {
  readonly #node: RelayContext;
  readonly #addresses: AddressReader;
  readonly #doorway: AcceptLimit;
  readonly #connections = new Set<Connection>();
  /** Of those, who have not logged in, oldest first. */
  readonly #pending = new Set<Connection>();
  readonly #occupancy = new Occupancy();
  readonly #lag = new LoopLag();
  /** Ends of sessions that the store has not been told yet. */
  readonly #ending = new Set<Promise<void>>();
  #opened = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Never goes back to false. */
  #closedToNewcomers = false;

  /** One for all, as there are many connections. */
  readonly #onLogin = (connection: Connection): void => {
    const { sockets } = this.#node.metrics;
    this.#occupancy.login(connection.address);
    this.#pending.delete(connection);
    sockets.of('pending').add(-1);
    sockets.of('connected').add(1);
  };

  constructor(node: RelayContext, addresses: AddressReader) {
    this.#node = node;
    this.#addresses = addresses;
    this.#doorway = new AcceptLimit(node, addresses);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Resolves when the store knows of every session that has ended. */
  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  /**
   * Upgrades get 503 from here on. A load balancer that prefers the node with the fewest connections would otherwise
   * send everybody to the one that is closing them, until it has seen that it is not ready.
   */
  refuseNewcomers(): void {
    this.#closedToNewcomers = true;
  }

  register(app: TemplatedApp): void {
    const { config } = this.#node;
    this.#doorway.register(app, () => this.#connections.size);
    app.ws<UserData>('/ws', {
      // Above our own limit, so that `too_large` and 1009 can be answered; beyond, the TCP connection is dropped.
      maxPayloadLength: 2 * config.maxFrameBytes,
      maxBackpressure: config.windowBytes + CONTROL_BYTES_MAX,
      closeOnBackpressureLimit: false,
      // Our own pings carry receipts; an automatic, empty one would swallow the receipt of the one before.
      sendPingsAutomatically: false,
      // Only a net below the heartbeat, and what ends sockets whose peer never closes its side.
      idleTimeout: Math.min(
        IDLE_TIMEOUT_S_MAX,
        Math.ceil((config.pingIntervalMs + config.pongTimeoutMs) / 1000) + 20,
      ),
      maxLifetime: 0,
      compression: 0,
      upgrade: (res, req, context) => this.#guard(res, () => this.#asked(res, req, context)),
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
    this.#node.metrics.socketsMax.set(this.#node.config.maxSockets);
    this.#lag.start();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#lag.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tick(): void {
    this.#lag.tick();
    for (const connection of this.#connections) connection.tick();
    for (const limiter of Object.values(this.#node.rates)) limiter.sweep();
    this.#node.takeoverDamping.sweep();
  }

  /**
   * Reads the request now, as it must be, and answers it when its turn has come: a crowd of newcomers waits for those
   * who are in. A throw from a handler would end the process.
   */
  #guard(res: HttpResponse, read: () => Upgrade): void {
    let aborted = false;
    res.onAborted(() => {
      aborted = true;
    });
    const failed = (error: unknown) => {
      this.#node.log.error('an upgrade failed', { error });
      if (!aborted) closeIfOpen(res);
    };
    try {
      const asked = read();
      const answered = this.#node.scheduler.run(() => {
        if (aborted) return;
        const refused = this.#refuse(asked.address, asked.headers);
        if (refused === null) res.cork(() => this.#upgrade(res, asked));
        else {
          this.#node.metrics.upgradesRefused.of(refused.reason).add();
          // While an answer is due, uWebSockets executes nothing of what stands behind the request.
          setImmediate(() => {
            if (!aborted) res.cork(() => problem(res, refused));
          });
        }
      });
      answered.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #asked(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): Upgrade {
    const headers = new RequestHeaders(req);
    return readUpgrade(req, { headers, address: this.#addresses.of(res, headers), context });
  }

  #upgrade(res: HttpResponse, asked: Upgrade): void {
    const { config, metrics } = this.#node;
    const { address, headers, host, extensions, context } = asked;
    const { protocol, subprotocol } = agree(headers, config.protocols);
    this.#opened += 1;
    const connection = new Connection({
      node: this.#node,
      protocol,
      address,
      audience: audienceOf(host, config.publicUrls),
      number: this.#opened,
      onLogin: this.#onLogin,
    });
    this.#makeRoom();
    this.#connections.add(connection);
    this.#pending.add(connection);
    this.#doorway.upgraded();
    this.#occupancy.enter(address);
    metrics.sockets.of('pending').add(1);
    res
      .writeStatus('101 Switching Protocols')
      .writeHeader('Relay-Node', config.nodeId)
      .upgrade({ connection }, headers.get('sec-websocket-key'), subprotocol, extensions, context);
  }

  /**
   * An honest client logs in within a few round trips; those who wait the longest are the least likely to. They give
   * way, so that a crowd of silent sockets cannot shut the door.
   */
  #makeRoom(): void {
    if (this.#pending.size < this.#node.config.maxPending) return;
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    this.#pending.delete(oldest);
    oldest.socket.close('connectTimeout', 'no connect yet, and others are waiting');
  }

  /** Null if this upgrade may pass. Cheapest first. */
  #refuse(address: string, headers: RequestHeaders): RefusedUpgrade | null {
    const { config, rates } = this.#node;
    // A proxy that saw no upgrade, or a body, would take what follows the 101 for something else.
    if (headers.ambiguity !== null || headers.hasBody) {
      return { reason: 'handshake', status: 400, detail: headers.ambiguity ?? 'an upgrade has no body' };
    }
    if (!headers.asksForWebSocket) {
      return {
        reason: 'handshake',
        status: 426,
        detail: 'a WebSocket of version 13 is opened by Upgrade: websocket and Connection: Upgrade',
      };
    }
    if (this.#closedToNewcomers) {
      return {
        reason: 'draining',
        status: 503,
        detail: 'this node is stopping: connect again',
        retryAfterS: 1,
      };
    }
    const origin = headers.get('origin');
    if (origin !== '' && config.allowedOrigins !== '*' && !config.allowedOrigins.includes(origin)) {
      return { reason: 'origin', status: 403, detail: `pages of ${origin} may not use this relay` };
    }
    if (this.#connections.size >= config.maxSockets) {
      return {
        reason: 'sockets',
        status: 503,
        detail: 'this node holds as many sockets as it may',
        retryAfterS: 5,
      };
    }
    // Who is in already comes first: a login costs a verify and a claim.
    if (over(this.#lag.ms, config.maxLagMs)) {
      return {
        reason: 'overload',
        status: 503,
        detail: 'this node is too busy for newcomers',
        retryAfterS: 5,
      };
    }
    const waitMs = rates.upgrades.take(address);
    if (waitMs > 0) {
      const retryAfterS = Math.ceil(waitMs / 1000);
      return {
        reason: 'address_rate',
        status: 429,
        detail: 'too many upgrades from your address',
        retryAfterS,
      };
    }
    if (over(this.#occupancy.open(address), config.socketsPerAddress)) {
      return {
        reason: 'address_sockets',
        status: 429,
        detail: 'too many sockets from your address',
        retryAfterS: 30,
      };
    }
    if (over(this.#occupancy.pending(address), config.pendingPerAddress)) {
      const detail = 'too many sockets without a login from your address';
      return { reason: 'address_pending', status: 429, detail, retryAfterS: 10 };
    }
    return null;
  }

  #closed(connection: Connection, code: number): void {
    this.#connections.delete(connection);
    this.#pending.delete(connection);
    this.#node.metrics.sockets.of(connection.pending ? 'pending' : 'connected').add(-1);
    this.#occupancy.leave(connection.address, connection.pending);
    const ending = connection.end(code).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

interface RefusedUpgrade {
  readonly reason: Refused;
  readonly status: 400 | 403 | 426 | 429 | 503;
  readonly detail: string;
  readonly retryAfterS?: number;
}

/** A limit of 0 is off. */
function over(count: number, limit: number): boolean {
  return limit > 0 && count >= limit;
}
