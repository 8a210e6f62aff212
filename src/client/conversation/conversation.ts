import { hexToBytes } from '@noble/hashes/utils.js';
import { safetyNumber } from '../../crypto/kdf.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError, throwIfAborted, unlessAborted } from '../errors.ts';
import type { Json } from '../sending/content.ts';
import { frameBytesOf, type Peer } from './peer.ts';

/** A message from the other, verified and decrypted. */
export interface Message {
  readonly id: string;
  readonly body: Json;
  /** When it was sent by the sender's clock (RFC 3339): a claim. */
  readonly at: string;
  /** Tells the sender that this message and all before it were read. */
  markRead(): Promise<void>;
}

export interface ConversationOptions {
  readonly peer: Peer;
  readonly own: { readonly code: string; readonly eddsaPublicKey: string };
  /** In UTF-8 bytes, as the relay stated at the last login. */
  readonly maxFrameBytes: () => number;
  readonly now: () => number;
}

/**
 * An encrypted conversation of two people. Iterating yields the other's messages, each once, in sending order:
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

  /** From the relay, unsigned: do not show it as verified. */
  get name(): string | null {
    return this.#peer.trust.pin?.name ?? null;
  }

  /** Whether keys are agreed. Messages sent before wait for them. */
  get secured(): boolean {
    return this.#peer.agreement.agreed;
  }

  /** Whether the relay names a key other than the pinned one that has not been accepted yet. */
  get keyChanged(): boolean {
    return this.#peer.trust.changed;
  }

  /** Returns a function that removes the listener. */
  on<Name extends keyof ConversationEvents>(
    name: Name,
    listener: (event: ConversationEvents[Name]) => void,
  ): () => void {
    return this.#peer.events.on(name, listener);
  }

  /**
   * Stores a message for sending and returns its id. Resolves before the relay has it: the events `stored`, `delivered`
   * and `read` report its progress. Throws `key_changed`, `too_large`, `outbox_full`.
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

  /** Tells the sender that this message and all before it were read. For programs that no longer hold the message. */
  markRead(id: string): Promise<void> {
    return this.#peer.confirmRead(id);
  }

  /** 12 groups of 5 digits (docs/protocol.md 6): if both people see the same, no third party is in the middle. */
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

  /** Trusts the changed key: after the people have compared the new safety number. */
  acceptChangedKey(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return unlessAborted(this.#peer.acceptChangedKey(), options.signal);
  }

  /** The other's messages, until the signal fires or the relay is closed. Asking for the next confirms the last as handled. */
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
