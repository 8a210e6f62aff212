import type { EngineObserver } from '../../observer.ts';
import { type Access, type Address, formatAddress } from '../connection/address.ts';
import { checkServer, ServerIsReplica, type ServerState, ServerUnfit } from '../connection/checks.ts';
import { ShardClock } from '../connection/clock.ts';
import { Connection } from '../connection/connection.ts';
import { DurableWrites } from '../connection/durable.ts';
import { Link, sendOn } from '../connection/link.ts';
import type { Argument, Reply } from '../connection/reply.ts';
import { Subscriber, type SubscriberOptions } from '../connection/subscriber.ts';
import type { Script, Scripts } from '../scripts.ts';
import type { Timings } from '../timings.ts';

export interface ShardContext {
  /** See `Discovery`. */
  readonly confirmMaster: (address: Address) => Promise<void>;
  readonly access: Access;
  readonly scripts: Scripts;
  readonly timings: Timings;
  /** 0: writes are acknowledged once the master has them. */
  readonly waitReplicas: number;
  readonly observer: EngineObserver;
}

export interface ShardEvents extends Pick<SubscriberOptions, 'onMessage'> {
  /** Calls can be made (again): the store may have forgotten sessions. */
  onReady(): void;
  onLost(): void;
  /** Channels can be subscribed to (again). */
  onSubscriberReady(): void;
  onSubscriberLost(): void;
  /** Some subscriptions have ended, because their slots have moved away. */
  onDropped(): void;
}

export interface ScriptCall {
  readonly script: Script;
  /** The one key that is declared. */
  readonly key: string;
  readonly args: readonly Argument[];
  /** Only after a redirection by ASK: the slot is being imported there. */
  readonly asking: boolean;
  /** For a server that has lost the script. */
  readonly withSource: boolean;
  /** Acknowledged only once the replicas have it. */
  readonly durable: boolean;
}

/** One Redis master: its own connections, its own circuit breaker, its own clock. Shares nothing with other shards. */
export class Shard {
  readonly address: Address;
  readonly name: string;
  readonly clock = new ShardClock();
  readonly subscriber: Subscriber;
  /** Why this server refuses writes; null if it does not. */
  refusal: string | null = null;
  /** Why this server must not be used at all, and what would mend it; null if it is fit. */
  unfit: string | null = null;
  /** When it was last found fit. */
  #state: ServerState = { maxMemoryBytes: 0, appends: false };
  /** What of it was logged to put mail at risk; null if nothing. */
  #risk: string | null = null;
  readonly #checks: NodeJS.Timeout;
  /** Whether the last attempt to reach it failed. */
  failed = false;
  readonly #context: ShardContext;
  readonly #commands: Link;
  readonly #durableLink: Link | null;
  readonly #durable: DurableWrites | null;

  constructor(address: Address, context: ShardContext, events: ShardEvents) {
    this.address = address;
    this.name = formatAddress(address);
    this.#context = context;
    this.#checks = setInterval(() => void this.#check(), context.timings.checkEveryMs).unref();
    const { access, timings, observer, waitReplicas } = context;
    const timeoutMs = timings.commandTimeoutMs;
    let known = '';
    const open = () => Connection.open({ address, access, timeoutMs });
    this.#commands = new Link({
      open,
      prepare: (connection) => this.#prepare(connection),
      onReady: () => {
        known = '';
        this.failed = false;
        observer.log('info', 'connected to Redis', { shard: this.name });
        events.onReady();
      },
      onLost: (reason) => {
        // One line for the same failure, however many attempts.
        if (reason !== known) observer.log('warn', 'Redis is unavailable', { shard: this.name, reason });
        known = reason;
        this.failed = true;
        events.onLost();
      },
    });
    this.subscriber = new Subscriber({
      address,
      access,
      timeoutMs,
      onMessage: events.onMessage,
      onReady: () => events.onSubscriberReady(),
      onLost: () => events.onSubscriberLost(),
      onDropped: () => events.onDropped(),
    });
    if (waitReplicas === 0) {
      this.#durableLink = null;
      this.#durable = null;
      return;
    }
    const ignore = () => {};
    const prepare = (connection: Connection) => this.#prepare(connection);
    this.#durableLink = new Link({ open, prepare, onReady: ignore, onLost: ignore });
    this.#durable = new DurableWrites({
      link: this.#durableLink,
      replicas: waitReplicas,
      timeoutMs: timings.waitTimeoutMs,
    });
  }

  /** False is the open circuit breaker: calls fail at once. */
  get ready(): boolean {
    return this.#commands.connection !== null && (this.#durableLink?.connection ?? true) !== null;
  }

  /** Why it is not ready. */
  get reason(): string {
    return this.#commands.connection === null ? this.#commands.reason : (this.#durableLink?.reason ?? '');
  }

  /** @throws EngineUnavailable, RedisError */
  run({ script, key, args, asking, withSource, durable }: ScriptCall): Promise<Reply> {
    const all = [withSource ? script.source : script.sha, '1', key, ...args];
    const command = { name: withSource ? 'EVAL' : 'EVALSHA', args: all, asking };
    return durable && this.#durable !== null ? this.#durable.send(command) : sendOn(this.#commands, command);
  }

  /** A plain command. @throws EngineUnavailable, RedisError */
  command([name = '', ...args]: readonly Argument[], asking = false): Promise<Reply> {
    return sendOn(this.#commands, { name: String(name), args, asking });
  }

  /** 0: no limit. */
  get maxMemoryBytes(): number {
    return this.#state.maxMemoryBytes;
  }

  /** Corrects the estimated time. */
  async askTime(): Promise<void> {
    const sentMs = performance.now();
    const reply = await this.command(['TIME']);
    this.clock.observe(microseconds(reply), sentMs, performance.now());
  }

  /** For a server that has changed: connects and checks again. */
  reset(reason: string): void {
    this.#commands.connection?.destroy(reason);
    this.#durableLink?.connection?.destroy(reason);
  }

  close(reason: string): void {
    clearInterval(this.#checks);
    this.#commands.close(reason);
    this.#durableLink?.close(reason);
    this.subscriber.close(reason);
  }

  /** What was fit may have been changed while it runs. */
  async #check(): Promise<void> {
    const { connection } = this.#commands;
    if (connection === null) return;
    try {
      this.#accept(await checkServer(connection));
    } catch (error) {
      // Anything else ends the connection, or passes.
      if (!(error instanceof ServerUnfit)) return;
      if (error instanceof ServerIsReplica) this.reset(error.message);
      this.unfit = error.message;
      this.#atRisk(error.message);
    }
  }

  #accept(state: ServerState): void {
    this.unfit = null;
    if (this.#state.appends && !state.appends) {
      const { host, port } = this.address;
      this.#atRisk(
        `${this.name} has stopped writing its append-only file: what it holds is lost with its process. ` +
          `Run \`redis-cli -h ${host} -p ${port} CONFIG SET appendonly yes\``,
      );
      return;
    }
    this.#state = state;
    if (this.#risk === null) return;
    this.#risk = null;
    this.#context.observer.log('info', 'Redis is safe again', { shard: this.name });
  }

  #atRisk(reason: string): void {
    if (this.#risk === reason) return;
    this.#risk = reason;
    this.#context.observer.log('error', 'Redis puts mail at risk', { shard: this.name, reason });
  }

  /** A connection is ready only with all scripts loaded, so that EVALSHA rarely has to fall back. */
  async #prepare(connection: Connection): Promise<void> {
    await this.#context.confirmMaster(this.address);
    try {
      this.#accept(await checkServer(connection));
    } catch (error) {
      if (error instanceof ServerUnfit) this.unfit = error.message;
      throw error;
    }
    const scripts = Object.values(this.#context.scripts);
    await Promise.all(scripts.map(({ source }) => connection.send(['SCRIPT', 'LOAD', source])));
    const sentMs = performance.now();
    this.clock.observe(microseconds(await connection.send(['TIME'])), sentMs, performance.now());
  }
}

function microseconds(time: Reply): number {
  const [seconds, microseconds] = Array.isArray(time) ? (time as readonly Reply[]) : [];
  return Number(String(seconds)) * 1_000_000 + Number(String(microseconds));
}
