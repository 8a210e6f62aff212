import { EngineUnavailable } from '../engine.ts';
import { type Access, type Address, formatAddress } from './address.ts';
import { Connection } from './connection.ts';
import { Link } from './link.ts';
import type { Argument, Reply } from './resp.ts';

export interface SubscriberOptions {
  readonly address: Address;
  readonly access: Access;
  readonly timeoutMs: number;
  readonly onMessage: (channel: Buffer, payload: Buffer) => void;
  /** The server has ended one subscription by itself: its slot has moved. */
  readonly onDropped: (channel: string) => void;
  readonly onReady: () => void;
  /** Every subscription is gone. */
  readonly onLost: () => void;
}

/**
 * A connection of its own for the sharded channels of one server: a flood of messages delays no reply, and a node
 * that reads too slowly loses this connection only. Knows no channels: who subscribed does it again after `onReady`.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #link: Link;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { address, access, timeoutMs } = options;
    const onMessage = (reply: Reply, oldest: readonly Argument[] | undefined) => this.#hear(reply, oldest);
    this.#link = new Link({
      open: () => Connection.open({ address, access, timeoutMs, onMessage }),
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

  get reason(): string {
    return this.#link.reason;
  }

  /** Resolves when the server has acknowledged: what is published from then on is heard. */
  async subscribe(channel: string): Promise<void> {
    await this.#send(['SSUBSCRIBE', channel]);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#send(['SUNSUBSCRIBE', channel]);
  }

  /** For a connection that stands but is deaf. */
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

  #hear(reply: Reply, oldest: readonly Argument[] | undefined): boolean {
    if (!Array.isArray(reply)) return false;
    const [kind, channel, payload] = reply as readonly Reply[];
    if (!Buffer.isBuffer(kind) || !Buffer.isBuffer(channel)) return false;
    if (isText(kind, 'smessage')) {
      if (Buffer.isBuffer(payload)) this.#options.onMessage(channel, payload);
      return true;
    }
    if (isText(kind, 'sunsubscribe')) {
      const name = channel.toString('latin1');
      // An answer if this is what we asked for first of all; otherwise the server's own doing.
      if (oldest?.[0] === 'SUNSUBSCRIBE' && oldest[1] === name) return false;
      this.#options.onDropped(name);
      return true;
    }
    return false;
  }
}

function isText(bytes: Buffer, text: string): boolean {
  return bytes.length === text.length && bytes.toString('latin1') === text;
}
