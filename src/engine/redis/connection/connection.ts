import { isIP } from 'node:net';
import { Command, Redis, type RedisOptions, ReplyError } from 'ioredis';
import { EngineUnavailable } from '../../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { type Argument, RedisError, type Reply } from './reply.ts';

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

/**
 * One connection to one Redis server: commands out, replies in the same order. It never reconnects, never queues before
 * it is open and never sends anything twice. Commands in flight when it ends are rejected, because only the caller knows
 * how to make a repetition harmless.
 */
export class Connection {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for people. */
  readonly name: string;
  /** Resolves with the reason once the connection has ended and every command in flight is rejected. */
  readonly closed: Promise<string>;
  readonly #redis: Redis;
  /** Why it ended, or is about to; the first reason counts. */
  #reason: string | null = null;
  readonly #writer: TickWriter;
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
      lazyConnect: true,
      // `Link` checks what it needs; a server that is loading answers so to every command.
      enableReadyCheck: false,
      disableClientInfo: true,
      keepAlive: KEEP_ALIVE_MS,
      connectTimeout: timeoutMs,
    });
    this.#writer = new TickWriter(this.#redis);
    this.#sentBefore = new Array<number>(Math.ceil(timeoutMs / TICK_MS)).fill(0);
    this.#watchdog = setInterval(() => this.#watch(), TICK_MS).unref();
    this.#redis.on('error', (error: Error) => {
      this.#reason ??= error.message;
    });
    this.closed = new Promise((resolve) => {
      this.#redis.once('end', () => {
        clearInterval(this.#watchdog);
        this.#reason ??= `${this.name} closed the connection`;
        resolve(this.#reason);
      });
    });
    if (onMessage !== undefined) this.#redis.on('smessageBuffer', onMessage);
    if (onDropped !== undefined) {
      // Once for all channels of a slot. A refused SSUBSCRIBE emits the same event, and changes nothing.
      this.#redis.on('moved', () => {
        if (this.#droppedSoon) return;
        this.#droppedSoon = true;
        setImmediate(() => {
          this.#droppedSoon = false;
          onDropped();
        });
      });
    }
  }

  /** The sharded channels of this connection; those that the server has ended are not among them. */
  get subscribedTo(): ReadonlySet<string> {
    // ioredis keeps count by itself, but its event does not say which channel has ended.
    const { condition } = this.#redis;
    const subscriptions = condition?.subscriber;
    return new Set(subscriptions ? subscriptions.channels('ssubscribe') : []);
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

  /** `send` for the hot path: the arguments are not copied, and must not change any more. */
  async call(name: string, args: readonly Argument[]): Promise<Reply> {
    if (this.#reason !== null) throw new EngineUnavailable(this.#reason);
    // Directly to ioredis' queue, past the transformers of `redis.evalsha`.
    const command = new Command(name, args as Argument[], { replyEncoding: null });
    this.#sent += 1;
    try {
      const reply = (await this.#redis.sendCommand(command, this.#writer)) as Reply;
      this.#answered += 1;
      return reply;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#answered += 1;
      if (!(error instanceof ReplyError)) throw new EngineUnavailable(this.#reason ?? why);
      throw new RedisError(why);
    }
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

/**
 * Where ioredis writes a command: all commands of one tick leave as one text, in one write. (A cork would give the
 * socket a list of a hundred strings, each to be encoded separately.)
 */
class TickWriter {
  readonly isPipeline = true;
  readonly destination: { readonly redis: Redis };
  readonly #redis: Redis;
  #text = '';
  #scheduled = false;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.destination = { redis };
  }

  write(command: string | Buffer): void {
    if (typeof command === 'string') {
      this.#text += command;
    } else {
      this.#flush();
      this.#redis.stream.write(command);
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#redis.stream.write(this.#text);
    this.#text = '';
  }
}
