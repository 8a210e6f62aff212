import { EngineUnavailable } from '../../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { Connection } from './connection.ts';
import { Link } from './link.ts';

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
export class Subscriber extends Link {
  readonly #address: Address;

  constructor(options: SubscriberOptions) {
    const { address, access, timeoutMs, onMessage, onDropped } = options;
    super({
      open: () => Connection.open({ address, access, timeoutMs, onMessage, onDropped }),
      prepare: async (connection) => {
        await connection.send(['PING']);
      },
      onReady: options.onReady,
      onLost: options.onLost,
    });
    this.#address = address;
  }

  get ready(): boolean {
    return this.connection !== null;
  }

  /** The channels that the server still has for this node. */
  get subscribedTo(): ReadonlySet<string> {
    return this.connection?.subscribedTo ?? new Set();
  }

  /** Resolves when the server has acknowledged: messages published from then on arrive. */
  async subscribe(channel: string): Promise<void> {
    await this.#connected().subscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#connected().unsubscribe(channel);
  }

  #connected(): Connection {
    const { connection } = this;
    if (connection === null) {
      throw new EngineUnavailable(`no subscriber at ${formatAddress(this.#address)}: ${this.reason}`);
    }
    return connection;
  }
}
