import { EngineUnavailable } from '../../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { Connection } from './connection.ts';
import { Link } from './link.ts';
import type { Argument } from './reply.ts';

export interface SubscriberOptions {
  readonly address: Address;
  readonly access: Access;
  readonly timeoutMs: number;
  readonly onMessage: (channel: Buffer, payload: Buffer) => void;
  readonly onReady: () => void;
  /** Every subscription is lost. */
  readonly onLost: () => void;
  /** Some subscriptions have ended, because their slots have moved away. */
  readonly onDropped: () => void;
}

/**
 * A separate connection for the sharded channels of one server: a flood of messages delays no reply, and a node that
 * reads too slowly loses only this connection. It does not remember channels: callers subscribe again after `onReady`.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #link: Link;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { address, access, timeoutMs, onMessage, onDropped } = options;
    this.#link = new Link({
      open: () => Connection.open({ address, access, timeoutMs, onMessage, onDropped }),
      prepare: async (connection) => {
        await connection.send(['PING']);
      },
      onReady: options.onReady,
      onLost: options.onLost,
    });
  }

  get ready(): boolean {
    return this.#link.connection !== null;
  }

  /** The channels that the server still has for this node. */
  get subscribedTo(): ReadonlySet<string> {
    return this.#link.connection?.subscribedTo ?? new Set();
  }

  get reason(): string {
    return this.#link.reason;
  }

  /** Resolves when the server has acknowledged: messages published from then on arrive. */
  async subscribe(channel: string): Promise<void> {
    await this.#send(['SSUBSCRIBE', channel]);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#send(['SUNSUBSCRIBE', channel]);
  }

  /** For a connection that is open but delivers nothing. */
  reset(reason: string): void {
    this.#link.reset(reason);
  }

  close(reason: string): void {
    this.#link.close(reason);
  }

  async #send(args: readonly Argument[]): Promise<void> {
    const { connection } = this.#link;
    if (connection === null) {
      throw new EngineUnavailable(`no subscriber at ${formatAddress(this.#options.address)}: ${this.reason}`);
    }
    await connection.send(args);
  }
}
