import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EngineUnavailable } from '../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { type Argument, RedisError, type Reply, ReplyParser, RequestBuffer } from './resp.ts';

export interface ConnectionOptions {
  readonly address: Address;
  readonly access: Access;
  /** No answer to the oldest command for so long ends the connection. Also the bound of connecting. */
  readonly timeoutMs: number;
  /**
   * Sees every reply first, and the oldest command that waits for one.
   * @returns whether it was a message, which answers no command
   */
  readonly onMessage?: (reply: Reply, oldest: readonly Argument[] | undefined) => boolean;
}

interface Pending {
  readonly args: readonly Argument[];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly bytes: number;
  readonly tick: number;
}

const TICK_MS = 100;
/** What may be on its way to one server: more means that it does not keep up, and callers must hear of it. */
const IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024;

/** A queue that is never empty would else only ever grow. */
const ANSWERED_KEPT_MAX = 1024;

/**
 * One connection to one Redis server: commands out, replies in the same order. It never reconnects, never queues
 * before it is open and never sends anything twice: what is in flight when it ends is rejected, because only the
 * caller knows how to make a repetition harmless.
 */
export class Connection {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for people. */
  readonly name: string;
  /** Resolves with the reason once the connection has ended and every command in flight was rejected. */
  readonly closed: Promise<string>;
  #onClosed: (reason: string) => void = () => {};
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #requests = new RequestBuffer();
  readonly #parser: ReplyParser;
  /** Sent and not answered, oldest first from `#head` on. */
  #pending: (Pending | undefined)[] = [];
  #head = 0;
  #inFlightBytes = 0;
  #flushing = false;
  #closed: EngineUnavailable | null = null;
  /**
   * Counts time for the watchdog. A tick comes late when this process itself was stopped, so that a node that
   * slept does not blame Redis for answers that it has not read yet.
   */
  #tick = 0;
  readonly #watchdog: NodeJS.Timeout;

  /** @throws EngineUnavailable if the server cannot be reached in time or refuses the password */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options, await openSocket(options));
    const { username, password } = options.access;
    if (password === null) return connection;
    try {
      await connection.send(['AUTH', ...(username === null ? [] : [utf8(username)]), utf8(password)]);
      return connection;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      connection.destroy(why);
      throw new EngineUnavailable(
        `${connection.name} refuses the user or password of RELAY_REDIS_URL: ${why}`,
      );
    }
  }

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.host = options.address.host;
    this.port = options.address.port;
    this.name = formatAddress(options.address);
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#options = options;
    this.#socket = socket;
    this.#parser = new ReplyParser((reply) => this.#receive(reply));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.destroy(`${this.name}: ${error.message}`));
    socket.on('close', () => this.destroy(`${this.name} closed the connection`));
    this.#watchdog = setInterval(() => this.#watch(), TICK_MS).unref();
  }

  /**
   * Sends one command at the end of this turn of the event loop, together with what else was sent in it.
   * @returns its reply; rejects with RedisError if Redis refused it, EngineUnavailable if there was no answer
   */
  send(args: readonly Argument[]): Promise<Reply> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (this.#inFlightBytes > IN_FLIGHT_BYTES_MAX) {
      return Promise.reject(new EngineUnavailable(`${this.name} does not keep up with what is sent to it`));
    }
    const bytes = this.#requests.add(args);
    this.#inFlightBytes += bytes;
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ args, resolve, reject, bytes, tick: this.#tick });
    });
  }

  /** Ends the connection at once. Commands in flight are rejected: whether they took place is not known. */
  destroy(reason: string): void {
    if (this.#closed !== null) return;
    this.#closed = new EngineUnavailable(reason);
    clearInterval(this.#watchdog);
    this.#socket.destroy();
    const pending = this.#pending.slice(this.#head);
    this.#pending = [];
    this.#head = 0;
    for (const command of pending) command?.reject(this.#closed);
    this.#onClosed(reason);
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed !== null) return;
    const [chunk, ...more] = this.#requests.take();
    if (chunk === undefined) return;
    if (more.length === 0) {
      this.#socket.write(chunk);
      return;
    }
    this.#socket.cork();
    for (const part of [chunk, ...more]) this.#socket.write(part);
    this.#socket.uncork();
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.destroy(`${this.name} does not speak the Redis protocol: ${String(error)}`);
    }
  }

  #receive(reply: Reply): void {
    const command = this.#pending[this.#head];
    if (this.#options.onMessage?.(reply, command?.args) === true) return;
    if (command === undefined) {
      this.destroy(`${this.name} answered what nobody asked`);
      return;
    }
    this.#pending[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#pending.length || this.#head > ANSWERED_KEPT_MAX) {
      this.#pending.splice(0, this.#head);
      this.#head = 0;
    }
    this.#inFlightBytes -= command.bytes;
    if (reply instanceof RedisError) command.reject(reply);
    else command.resolve(reply);
  }

  #watch(): void {
    this.#tick += 1;
    const oldest = this.#pending[this.#head];
    if (oldest === undefined || (this.#tick - oldest.tick) * TICK_MS <= this.#options.timeoutMs) return;
    // A command that was not answered may still run later. With the connection it loses at least what has not
    // reached the server yet, and everybody who waits hears of it now instead of one after the other.
    this.destroy(`${this.name} did not answer within ${this.#options.timeoutMs} ms`);
  }
}

function openSocket({ address, access, timeoutMs }: ConnectionOptions): Promise<Socket> {
  const name = formatAddress(address);
  return new Promise((resolve, reject) => {
    const socket = access.tls
      ? // RFC 6066, 3: a server name is never an address.
        connectTls({ ...address, ...(isIP(address.host) === 0 ? { servername: address.host } : {}) })
      : connectTcp({ ...address, noDelay: true, keepAlive: true });
    const fail = (why: string) => {
      socket.destroy();
      reject(new EngineUnavailable(`cannot reach Redis at ${name}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no connection within ${timeoutMs} ms`), timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      fail(error.message);
    });
    socket.once(access.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
