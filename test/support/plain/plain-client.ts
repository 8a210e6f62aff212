import { once } from 'node:events';
import WebSocket from 'ws';
import {
  ackFrame,
  type Challenge,
  connectText,
  cutSeq,
  frameOf,
  readServerMessage,
  type ServerMessage,
} from './frames.ts';
import type { Keys, PlainUser } from './users.ts';

/**
 * A client as anybody would write it from docs/protocol.md: the `ws` package and node:crypto, frames by concatenation.
 * It shares no code with src, so that what it shows, any client can do.
 */

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface ErrorPayload {
  readonly code: string;
  readonly detail: string;
  readonly frame: number;
  readonly id?: string;
  readonly retry_after_ms?: number;
}

export interface PlainClientOptions {
  /** 2 offers `relay.v2`. Default: 1. */
  readonly protocol?: 1 | 2;
  /** Instead of those of `protocol`. */
  readonly subprotocols?: readonly string[];
  readonly headers?: Record<string, string>;
  /** The address to connect from: each has a separate range of ports. */
  readonly localAddress?: string;
  /** A certificate to trust, PEM. */
  readonly ca?: string;
  /** Of opening, and of everything that is waited for. Default: 30 s, which only a hang takes. */
  readonly waitMs?: number;
  /**
   * `newest`: of several pings that came together only the newest is answered, as RFC 6455, 5.5.3 allows. `none`: as a
   * client that has crashed. Default: all.
   */
  readonly pongs?: 'all' | 'newest' | 'none';
  /** Hears each text frame as it comes; at `connect_ack` the client is already logged in. */
  readonly onFrame?: (frame: Buffer, client: PlainClient) => void;
  /** False for load: frames go to `onFrame` and are not kept. */
  readonly keep?: boolean;
}

const WAIT_MS = 30_000;
/** Pings that come within so long count as having come together. */
const TOGETHER_MS = 20;

/** One socket. Keeps every text it received, in order. */
export class PlainClient {
  readonly ws: WebSocket;
  readonly received: string[] = [];
  readonly pings: string[] = [];
  /** Text frames sent: the number of the last one, as errors name it. */
  sent = 0;
  closed: Closed | null = null;
  loggedIn = false;
  /** Of the answer to the upgrade. */
  responseHeaders: Record<string, unknown> = {};
  /** When the relay was last heard, by `performance.now`: text or ping. */
  heardAtMs = performance.now();
  /** False holds the receipts of protocol 1 back, as a client that dies between receiving and confirming. */
  answersPings: boolean;
  readonly #options: PlainClientOptions;
  readonly #waitMs: number;
  readonly #changed = new Set<() => void>();
  /** Of the pings that came together. */
  #newestPing: Buffer | null = null;
  /** Set while logging in. */
  #onServerMessage: ((frame: string) => void) | null = null;

  constructor(url: string, options: PlainClientOptions = {}) {
    const { protocol = 1, localAddress, ca, waitMs = WAIT_MS, pongs = 'all', keep = true } = options;
    this.#options = options;
    this.#waitMs = waitMs;
    this.answersPings = pongs !== 'none';
    const subprotocols = options.subprotocols ?? (protocol === 2 ? ['relay.v2'] : []);
    this.ws = new WebSocket(url, [...subprotocols], {
      headers: options.headers ?? {},
      perMessageDeflate: false,
      autoPong: false,
      handshakeTimeout: waitMs,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(ca === undefined ? {} : { ca }),
    });
    this.ws.on('upgrade', (response) => {
      if (keep) this.responseHeaders = response.headers;
    });
    this.ws.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    this.ws.on('ping', (payload) => this.#pinged(payload));
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.loggedIn = false;
      this.#tell();
    });
    // `close` follows, and tells it.
    this.ws.on('error', () => this.#tell());
  }

  static async open(url: string, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = new PlainClient(url, options);
    await once(client.ws, 'open');
    return client;
  }

  /** Opens a socket and logs in. Rejects with what the relay says instead of `connect_ack`. */
  static async login(url: string, user: PlainUser, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = new PlainClient(url, options);
    await client.login(user);
    return client;
  }

  /** Opens a socket by protocol 2 and waits for its challenge. */
  static async challenged(url: string, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = await PlainClient.open(url, { ...options, protocol: 2 });
    await client.until(() => client.received.length > 0);
    return client;
  }

  /** By protocol 1 as PROTOCOL 3 prints it; by protocol 2 with the nonce and the audience of the challenge. */
  async login(user: PlainUser): Promise<void> {
    let answer: string | null = null;
    // Such as the status of an upgrade that was refused.
    this.ws.once('error', ({ message }) => {
      answer ??= message;
    });
    const connect = (challenge?: Challenge) => this.sendData(user, connectText(user.code, challenge));
    this.#onServerMessage = (frame) => {
      const message = readServerMessage(frame);
      if (message?.type === 'challenge') return connect(message.payload as unknown as Challenge);
      answer = frame;
      this.loggedIn = message?.type === 'connect_ack';
      this.#onServerMessage = null;
    };
    if (this.#options.protocol !== 2) {
      if (this.ws.readyState === WebSocket.OPEN) connect();
      else this.ws.once('open', () => connect());
    }
    try {
      await this.until(() => answer !== null || this.closed !== null);
      if (!this.loggedIn)
        throw new Error(`${user.code} is not logged in: ${answer ?? JSON.stringify(this.closed)}`);
    } catch (error) {
      this.ws.terminate();
      throw error;
    }
  }

  /** Protocol 2: what the relay asks, in its first frame. */
  challenge(): Challenge {
    return this.messages[0]?.payload as unknown as Challenge;
  }

  send(frame: string): void {
    this.sent += 1;
    this.ws.send(frame);
  }

  /** What `send` sends goes into one TCP segment, as far as it fits: the relay reads it in one go. */
  inOneWrite(send: () => void): void {
    const { _socket: tcp } = this.ws as unknown as { _socket: { cork(): void; uncork(): void } };
    tcp.cork();
    send();
    tcp.uncork();
  }

  /** Sends `data`, signed by its sender, byte for byte. */
  sendData(keys: Pick<Keys, 'eddsaPrivateKey'>, data: string): void {
    this.send(frameOf(keys, data));
  }

  /** Everything received but what the relay itself says. */
  get envelopes(): string[] {
    return this.received.filter((text) => readServerMessage(text) === null);
  }

  /** What the relay itself has said, in order. */
  get messages(): ServerMessage[] {
    return this.received.flatMap((text) => readServerMessage(text) ?? []);
  }

  errors(): ErrorPayload[] {
    return this.#payloads('error') as unknown as ErrorPayload[];
  }

  accepted(): string[] {
    return this.#payloads('accepted').map((payload) => String(payload.id));
  }

  /** Protocol 2: the seq of each envelope. */
  seqs(): string[] {
    return this.envelopes.map((text) => cutSeq(text).seq ?? '');
  }

  /** Protocol 2. */
  ack(seq: string): void {
    this.send(ackFrame(seq));
  }

  /** Resolves once so many envelopes have come. */
  async untilEnvelopes(count: number, waitMs = this.#waitMs): Promise<string[]> {
    await this.until(() => this.received.length >= count && this.envelopes.length >= count, waitMs);
    return this.envelopes;
  }

  /** Resolves with the payload of the next error that the relay sends. */
  async nextError(): Promise<ErrorPayload> {
    const known = this.errors().length;
    await this.until(() => this.errors().length > known);
    const error = this.errors()[known];
    if (error === undefined) throw new Error('no error came');
    return error;
  }

  #payloads(type: string): Readonly<Record<string, unknown>>[] {
    return this.messages.filter((message) => message.type === type).map(({ payload }) => payload);
  }

  /** Resolves when `condition` holds; rejects with what was received after `waitMs`. */
  async until(condition: () => boolean, waitMs = this.#waitMs): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!condition()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) {
        const last = this.received.slice(-5).join('\n');
        throw new Error(
          `not within ${waitMs} ms; closed: ${JSON.stringify(this.closed)}; last received:\n${last}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#changed.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async untilClosed(waitMs = this.#waitMs): Promise<Closed> {
    await this.until(() => this.closed !== null, waitMs);
    if (this.closed === null) throw new Error('not closed');
    return this.closed;
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.untilClosed();
  }

  /** Cuts the TCP connection, as a network does: no close frame. */
  async cut(): Promise<void> {
    this.ws.terminate();
    await this.untilClosed();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const { onFrame, keep = true } = this.#options;
    this.heardAtMs = performance.now();
    if (keep) this.received.push(isBinary ? '(binary)' : String(data));
    this.#onServerMessage?.(String(data));
    onFrame?.(data, this);
    this.#tell();
  }

  #pinged(payload: Buffer): void {
    this.heardAtMs = performance.now();
    if (this.#options.keep ?? true) this.pings.push(payload.toString());
    if (this.answersPings) this.#pong(payload);
    this.#tell();
  }

  #pong(payload: Buffer): void {
    if (this.#options.pongs !== 'newest') {
      this.ws.pong(payload);
      return;
    }
    const isFirst = this.#newestPing === null;
    this.#newestPing = payload;
    if (!isFirst) return;
    setTimeout(() => {
      if (this.#newestPing !== null && this.ws.readyState === WebSocket.OPEN) this.ws.pong(this.#newestPing);
      this.#newestPing = null;
    }, TOGETHER_MS);
  }

  #tell(): void {
    if (this.#changed.size === 0) return;
    const waiting = [...this.#changed];
    this.#changed.clear();
    for (const resolve of waiting) resolve();
  }
}
