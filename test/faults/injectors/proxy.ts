import { connect, createServer, type Server, type Socket } from 'node:net';
import { Random } from '../../support/random.ts';
import { RespCutter } from './resp.ts';

/** `down`: from the server to its client; `up`: the other way. */
export type Direction = 'up' | 'down';

/**
 * What may be done to a connection, in the words of Toxiproxy. All at once, per direction.
 * - `latency`: everything arrives so much later, give or take `jitterMs`, in order
 * - `bandwidth`: at most so many bytes a second; up to 1 MiB queues in the proxy
 * - `blackhole`: nothing arrives, and neither side is notified (Toxiproxy's `timeout` of 0)
 * - `slicer`: in pieces of at most so many bytes
 * - `silence`: messages of publish/subscribe are swallowed, all or of some channels; all else arrives
 */
export type Toxic =
  | { readonly kind: 'latency'; readonly latencyMs: number; readonly jitterMs: number }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  | { readonly kind: 'blackhole' }
  | { readonly kind: 'slicer'; readonly bytesMax: number }
  | { readonly kind: 'silence'; readonly channel: (name: string) => boolean };

type Toxics = { readonly [K in Toxic['kind']]?: Extract<Toxic, { kind: K }> };

const MESSAGES = ['message', 'smessage', 'pmessage'];
const HIGH_WATER_BYTES = 1024 * 1024;

export interface ProxyTarget {
  readonly port: number;
  /** Whether the server speaks RESP, so that `silence` is possible. */
  readonly redis?: boolean;
}

/** A TCP proxy on loopback that fails on demand in the ways that networks do. */
export class TcpProxy {
  readonly #target: ProxyTarget;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #random: Random;
  #toxics: Record<Direction, Toxics> = { up: {}, down: {} };
  #refusing = false;

  static async start(target: ProxyTarget, random = new Random(1)): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, random);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor(target: ProxyTarget, random: Random) {
    this.#target = target;
    this.#random = random;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Adds to what is done in these directions, to connections that are open too. */
  add(toxic: Toxic, ...directions: readonly Direction[]): void {
    for (const direction of directions) {
      const others = this.#toxics[direction];
      this.#toxics = { ...this.#toxics, [direction]: { ...others, [toxic.kind]: toxic } };
    }
  }

  /** Nothing is done any more; what was held back goes on, what was swallowed is gone. */
  heal(): void {
    this.#toxics = { up: {}, down: {} };
    this.#refusing = false;
  }

  /** Every connection is reset: RST both ways. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** New connections are reset at once, open ones now. */
  refuse(): void {
    this.#refusing = true;
    this.reset();
  }

  async stop(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: this.#target.port, host: '127.0.0.1', noDelay: true });
    this.#pump({ from: client, to: upstream, direction: 'up' });
    this.#pump({ from: upstream, to: client, direction: 'down' });
  }

  #pump({ from, to, direction }: { from: Socket; to: Socket; direction: Direction }): void {
    this.#sockets.add(from);
    const toxics = () => this.#toxics[direction];
    const cuts = this.#target.redis === true && direction === 'down';
    const stream = new Stream({ from, to, toxics, random: this.#random, cuts });
    from.on('data', (chunk: Buffer) => stream.push(chunk));
    from.on('end', () => stream.push(null));
    to.on('close', () => stream.forget());
    from.on('error', () => {
      // A black hole swallows resets too.
      if (toxics().blackhole === undefined) to.resetAndDestroy();
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      if (toxics().blackhole === undefined && !from.readableEnded) to.destroy();
    });
  }
}

interface StreamOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly toxics: () => Toxics;
  readonly random: Random;
  /** Whether to look at whole RESP replies. */
  readonly cuts: boolean;
}

/** One direction of one connection: keeps the order of bytes, whatever is done to them. */
class Stream {
  readonly #options: StreamOptions;
  readonly #cutter: RespCutter | null;
  /** Delayed, in order; null is the end of the stream. */
  readonly #queue: { readonly dueMs: number; readonly bytes: Buffer | null }[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #forgotten = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#cutter = options.cuts ? new RespCutter() : null;
  }

  /** @param chunk null at the end of the stream */
  push(chunk: Buffer | null): void {
    const { blackhole, slicer } = this.#options.toxics();
    if (blackhole !== undefined || this.#forgotten) return;
    if (chunk === null) {
      this.#enqueue(null);
      return;
    }
    const bytes = this.#cutter === null ? chunk : this.#swallow(this.#cutter, chunk);
    const size = slicer?.bytesMax ?? Math.max(1, bytes.length);
    for (let start = 0; start < bytes.length; start += size) {
      this.#enqueue(bytes.subarray(start, start + size));
    }
  }

  /** No peer is there to receive it: what is held back would keep this process up for as long as it takes to send. */
  forget(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#forgotten = true;
  }

  #swallow(cutter: RespCutter, chunk: Buffer): Buffer {
    const { silence } = this.#options.toxics();
    const kept = cutter.push(chunk).filter(({ head: [kind = '', channel = ''] }) => {
      return silence === undefined || !MESSAGES.includes(kind) || !silence.channel(channel);
    });
    return Buffer.concat(kept.map(({ bytes }) => bytes));
  }

  #enqueue(bytes: Buffer | null): void {
    const { latency, bandwidth } = this.#options.toxics();
    const size = bytes?.length ?? 0;
    const jitterMs = latency === undefined ? 0 : (this.#options.random.next() * 2 - 1) * latency.jitterMs;
    const delayMs = latency === undefined ? 0 : Math.max(0, latency.latencyMs + jitterMs);
    const transmitMs = bandwidth === undefined ? 0 : (size * 1000) / bandwidth.bytesPerSecond;
    const dueMs = Math.max(this.#lastDueMs, performance.now() + delayMs) + transmitMs;
    this.#lastDueMs = dueMs;
    this.#queue.push({ dueMs, bytes });
    this.#queuedBytes += size;
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#options.from.pause();
    if (this.#timer === null) this.#flush();
  }

  #flush(): void {
    this.#timer = null;
    const { from, to } = this.#options;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= next.bytes?.length ?? 0;
      if (next.bytes === null) to.end();
      else if (to.writable) to.write(next.bytes);
    }
    if (this.#queuedBytes <= HIGH_WATER_BYTES) from.resume();
  }
}
