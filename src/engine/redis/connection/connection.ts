import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { EngineUnavailable } from '../../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { CommandWriter } from './command-writer.ts';
import { Connector } from './connector.ts';
import type { Argument, RedisError, Reply } from './reply.ts';
import { NotResp, type RespListener, RespReader } from './resp-reader.ts';

export interface ConnectionOptions {
  readonly address: Address;
  readonly access: Access;
  /** Ends the connection if the oldest command is unanswered for so long. Also bounds connecting. */
  readonly timeoutMs: number;
  readonly onMessage?: (channel: Buffer, payload: Buffer) => void;
  /** The server has ended subscriptions, because slots have moved: see `subscribedTo`. */
  readonly onDropped?: () => void;
}

/**
 * Keeps ioredis from sending a command twice or late: with each of its defaults here, envelopes were stored twice or out
 * of order when connections were cut. `Link` reconnects instead, because a connection is ready only once it is checked
 * and has the scripts.
 */
const NEVER_TWICE = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  retryStrategy: () => null,
  maxRetriesPerRequest: null,
} as const satisfies RedisOptions;

const TICK_MS = 100;

/** TCP keep-alive: after so long without traffic the kernel checks whether the peer is still there. */
const KEEP_ALIVE_MS = 10_000;

/** A command in flight. */
interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
  /** The push that answers it, `ssubscribe <channel>` or `sunsubscribe <channel>`; null: a reply does. */
  readonly push: string | null;
}

/** Answered commands leave the queue together, because to move the rest costs time. */
const ANSWERED_MAX = 1_024;

/** The second letter of `smessage`. The other pushes that these connections get are `ssubscribe` and `sunsubscribe`. */
const SMESSAGE_LETTER = 0x6d;

/**
 * One connection to one Redis server: commands out, replies in the same order. It never reconnects, never queues before
 * it is open and never sends anything twice. Commands in flight when it ends are rejected, because only the caller knows
 * how to make a repetition harmless.
 *
 * ioredis connects, by TCP or TLS, agrees on RESP3 and authenticates, and notices the end; between these the socket is
 * read and written here, because a call then costs a node less than half as much (loadtest/micro/tried.ts).
 */
export class Connection implements RespListener {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for people. */
  readonly name: string;
  /** Resolves with the reason once the connection has ended and every command in flight is rejected. */
  readonly closed: Promise<string>;
  readonly #redis: Redis;
  /** Why it ended, or is about to; the first reason counts. */
  #reason: string | null = null;
  readonly #onMessage: ConnectionOptions['onMessage'] | undefined;
  readonly #onDropped: ConnectionOptions['onDropped'] | undefined;
  /** Null until ioredis has connected. */
  #writer: CommandWriter | null = null;
  /** Oldest first, from `#head` on; before that, answered ones. */
  readonly #waiting: (Waiting | undefined)[] = [];
  #head = 0;
  readonly #channels = new Set<string>();
  #sent = 0;
  #answered = 0;
  /** Commands sent by each of the last ticks, up to the timeout; a ring. */
  readonly #sentBefore: number[];
  #tick = 0;
  readonly #watchdog: NodeJS.Timeout;
  #droppedSoon = false;

  /** @throws EngineUnavailable if the server cannot be reached in time or refuses the password */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    try {
      // ioredis' `connectTimeout` ends with the TCP handshake, and a HELLO without an answer would wait for ever: the
      // watchdog counts the whole handshake as a command.
      connection.#sent += 1;
      await connection.#redis.connect();
      connection.#answered += 1;
      connection.#takeOver();
      return connection;
    } catch (error) {
      const why = connection.#reason ?? (error instanceof Error ? error.message : String(error));
      connection.destroy(why);
      const refused = /^(WRONGPASS|NOAUTH|NOPERM)/.test(why);
      throw new EngineUnavailable(
        refused
          ? `${connection.name} refuses the user or password of RELAY_REDIS_URL: ${why}`
          : `cannot reach Redis at ${connection.name}: ${why}`,
      );
    }
  }

  private constructor({ address, access, timeoutMs, onMessage, onDropped }: ConnectionOptions) {
    this.#onMessage = onMessage;
    this.#onDropped = onDropped;
    this.host = address.host;
    this.port = address.port;
    this.name = formatAddress(address);
    this.#redis = new Redis({
      ...NEVER_TWICE,
      ...address,
      ...(access.username === null ? {} : { username: access.username }),
      ...(access.password === null ? {} : { password: access.password }),
      // RFC 6066, 3: a server name is never an address.
      ...(access.tls ? { tls: isIP(address.host) === 0 ? { servername: address.host } : {} } : {}),
      Connector,
      lazyConnect: true,
      // `Link` checks what it needs; a server that is loading answers so to every command.
      enableReadyCheck: false,
      disableClientInfo: true,
      keepAlive: KEEP_ALIVE_MS,
      connectTimeout: timeoutMs,
    });
    this.#sentBefore = new Array<number>(Math.ceil(timeoutMs / TICK_MS)).fill(0);
    this.#watchdog = setInterval(() => this.#watch(), TICK_MS).unref();
    this.#redis.on('error', (error: Error) => {
      this.#reason ??= error.message;
    });
    this.closed = new Promise((resolve) => {
      this.#redis.once('end', () => {
        clearInterval(this.#watchdog);
        this.#reason ??= `${this.name} closed the connection`;
        this.#rejectAll(this.#reason);
        resolve(this.#reason);
      });
    });
  }

  /** From ioredis, which has no command in flight any more. */
  #takeOver(): void {
    const { stream } = this.#redis;
    this.#writer = new CommandWriter(stream);
    const reader = new RespReader(this);
    stream.removeAllListeners('data');
    stream.on('data', (chunk: Buffer) => {
      try {
        reader.read(chunk);
      } catch (error) {
        // What follows in the chunk is not read any more.
        this.destroy(error instanceof Error ? error.message : String(error));
        if (!(error instanceof NotResp)) throw error;
      }
    });
  }

  /** The sharded channels of this connection; those that the server has ended are not among them. */
  get subscribedTo(): ReadonlySet<string> {
    return this.#channels;
  }

  /** False from the first sign of the end on, which may be before `closed` resolves. */
  get open(): boolean {
    return this.#reason === null;
  }

  /**
   * Sends one command, in one write with the others of this tick of the event loop.
   * @returns its reply; rejects with RedisError if Redis refused it, EngineUnavailable if there was no answer
   */
  send([name = '', ...args]: readonly Argument[]): Promise<Reply> {
    return this.call(String(name), args);
  }

  /** `send` for the hot path: the arguments are not copied. */
  call(name: string, args: readonly Argument[]): Promise<Reply> {
    return this.#call(name, args, null);
  }

  /** Resolves once the server has acknowledged: messages published from then on arrive. Rejects as `send` does. */
  async subscribe(channel: string): Promise<void> {
    await this.#call('SSUBSCRIBE', [channel], `ssubscribe ${channel}`);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#call('SUNSUBSCRIBE', [channel], `sunsubscribe ${channel}`);
  }

  #call(name: string, args: readonly Argument[], push: string | null): Promise<Reply> {
    if (this.#reason !== null || this.#writer === null)
      return Promise.reject(new EngineUnavailable(this.#reason ?? `${this.name} is not connected yet`));
    this.#writer.write(name, args);
    this.#sent += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, push });
    });
  }

  onReply(reply: Reply): void {
    this.#answer().resolve(reply);
  }

  onError(error: RedisError): void {
    this.#answer().reject(error);
  }

  onPush(message: readonly Reply[]): void {
    const [kind, channel, payload] = message;
    if (!Buffer.isBuffer(kind) || !Buffer.isBuffer(channel)) return;
    if (kind[1] === SMESSAGE_LETTER) {
      if (Buffer.isBuffer(payload)) this.#onMessage?.(channel, payload);
      return;
    }
    const name = String(channel);
    const push = `${kind} ${name}`;
    const ends = push.startsWith('sunsubscribe');
    if (ends) this.#channels.delete(name);
    else this.#channels.add(name);
    if (this.#waiting[this.#head]?.push === push) this.onReply(null);
    else if (ends) this.#dropped();
  }

  /** The command that an answer is for: the oldest in flight. */
  #answer(): Waiting {
    const waiting = this.#waiting[this.#head];
    if (waiting === undefined) throw new NotResp(`${this.name} answered more than it was asked`);
    this.#waiting[this.#head] = undefined;
    this.#head += 1;
    // Under load there is always one in flight: the answered ones must leave even so.
    if (this.#head === this.#waiting.length || this.#head >= ANSWERED_MAX) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    this.#answered += 1;
    return waiting;
  }

  #rejectAll(reason: string): void {
    for (const waiting of this.#waiting.splice(0).slice(this.#head))
      waiting?.reject(new EngineUnavailable(reason));
    this.#head = 0;
  }

  /** Tells once of all channels that a slot takes along. */
  #dropped(): void {
    if (this.#droppedSoon) return;
    this.#droppedSoon = true;
    setImmediate(() => {
      this.#droppedSoon = false;
      this.#onDropped?.();
    });
  }

  /** Ends the connection at once. Commands in flight are rejected: whether they took effect is not known. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    // `disconnect` alone would still send what the socket has buffered, and wait for a server that hangs.
    this.#redis.stream?.destroy();
    this.#redis.disconnect();
  }

  /**
   * ioredis' own `socketTimeout` accepts any sign of life, so a server that trickles could hold every caller;
   * `commandTimeout` costs a timer per command and keeps the connection. Ticks are counted, not time: they are late if
   * this process was stopped, so that a node that slept does not blame Redis for answers that it has not read yet.
   */
  #watch(): void {
    const slot = this.#tick % this.#sentBefore.length;
    const due = this.#sentBefore[slot] ?? 0;
    this.#sentBefore[slot] = this.#sent;
    this.#tick += 1;
    if (this.#answered >= due) return;
    // An unanswered command may still run later. Ending the connection discards at least what has not reached the
    // server yet, and rejects all waiting callers now instead of one after the other.
    this.destroy(`${this.name} did not answer within ${this.#sentBefore.length * TICK_MS} ms`);
  }
}
