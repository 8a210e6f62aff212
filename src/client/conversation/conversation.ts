import { hexToBytes } from '@noble/hashes/utils.js';
import { safetyNumber } from '../../crypto/kdf.ts';
import { ClientError, throwIfAborted, unlessAborted } from '../errors.ts';
import type { Json } from '../sending/content.ts';
import type { ConversationEvents } from './conversation-events.ts';
import { frameBytesOf, type Peer } from './peer.ts';

/** A message from the other, verified and decrypted. */
export interface Message {
  readonly id: string;
  readonly body: Json;
  /** When, by the sender's own clock (RFC 3339): a claim. */
  readonly at: string;
  /** Tells the other that this one, and all before it, were read. */
  markRead(): Promise<void>;
}

export interface ConversationOptions {
  readonly peer: Peer;
  readonly own: { readonly code: string; readonly eddsaPublicKey: string };
  /** In UTF-8 bytes, as the relay told last. */
  readonly maxFrameBytes: () => number;
  readonly now: () => number;
}

/**
 * Two people's encrypted messages. Iterating gives what the other says, each message once, in the order of sending:
 *
 *     for await (const message of conversation) console.log(message.body);
 */
export class Conversation implements AsyncIterable<Message> {
  readonly #options: ConversationOptions;
  readonly #peer: Peer;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#peer = options.peer;
  }

  /** The other's code. */
  get code(): string {
    return this.#peer.code;
  }

  /** As the relay gave it, unsigned: not to be shown as verified. */
  get name(): string | null {
    return this.#peer.trust.pin?.name ?? null;
  }

  /** Keys are agreed. What is sent before waits for them. */
  get secured(): boolean {
    return this.#peer.agreement.agreed;
  }

  /** The relay names another key than the pinned one, and nobody has accepted it yet. */
  get keyChanged(): boolean {
    return this.#peer.trust.changed;
  }

  /** Returns the function that takes the listener away again. */
  on<Name extends keyof ConversationEvents>(
    name: Name,
    listener: (event: ConversationEvents[Name]) => void,
  ): () => void {
    return this.#peer.events.on(name, listener);
  }

  /**
   * Stores a message to be sent as soon as may be, and gives its id. Resolves before the relay has it: `stored`,
   * `delivered` and `read` tell of the rest. Throws `key_changed`, `too_large`, `outbox_full`.
   */
  async send(body: Json, options: { readonly signal?: AbortSignal } = {}): Promise<string> {
    throwIfAborted(options.signal);
    const maxBytes = this.#options.maxFrameBytes();
    if (frameBytesOf(body) > maxBytes) {
      throw new ClientError(
        'too_large',
        `The relay takes frames of up to ${maxBytes} bytes: send it in parts.`,
      );
    }
    return this.#peer.send(body, new Date(this.#options.now()).toISOString());
  }

  /** Tells the other that this message, and all before it, were read: also later than by the message itself. */
  markRead(id: string): Promise<void> {
    return this.#peer.confirmRead(id);
  }

  /** 12 groups of 5 digits (PROTOCOL.md 6): if both people see the same, nobody is in the middle. */
  safetyNumber(which: 'pinned' | 'offered' = 'pinned'): readonly string[] {
    const pin = this.#peer.trust.pin;
    const key = which === 'pinned' ? pin?.eddsaPublicKey : pin?.offered;
    if (typeof key !== 'string') throw new ClientError('invalid_argument', `There is no ${which} key.`);
    const { code, eddsaPublicKey } = this.#options.own;
    return safetyNumber(
      { code, eddsaPublicKey: hexToBytes(eddsaPublicKey) },
      { code: this.code, eddsaPublicKey: hexToBytes(key) },
    );
  }

  /** Trusts the changed key: for when the people have compared the new safety number. */
  acceptChangedKey(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return unlessAborted(this.#peer.acceptChangedKey(), options.signal);
  }

  /** What the other says, until the signal fires or the relay is closed. A message is handled once the next is asked for. */
  async *messages(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Message, void, undefined> {
    for (;;) {
      const entry = await this.#peer.inbox.take(options.signal);
      if (entry === null) return;
      try {
        const { received } = entry;
        yield { ...received, markRead: () => this.#peer.confirmRead(received.id) };
      } finally {
        await this.#peer.inbox.handled(entry);
      }
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    return this.messages();
  }
}
