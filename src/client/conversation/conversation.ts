import { hexToBytes } from '@noble/hashes/utils.js';
import { safetyNumber } from '../../crypto/kdf.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError, throwIfAborted, unlessAborted } from '../errors.ts';
import type { FileProgress } from '../files/file-progress.ts';
import { type FileTransfer, type SentFile, transferOf } from '../files/file-transfer.ts';
import type { FileSink, FileSource } from '../files/source.ts';
import { timerWords } from '../sending/disappearing.ts';
import { type Json, requireJson } from '../sending/json.ts';
import type { MessageExtras } from '../sending/message-extras.ts';
import type { Batch } from '../storage/records.ts';
import { makeOffer, type SendFileOptions } from './file-options.ts';
import { bodyBytesMax, requireFits } from './message-size.ts';
import type { Peer } from './peer.ts';
import type { SendOptions } from './send-options.ts';
import type { Sending } from './sent.ts';

/** A message from the other, verified and decrypted. */
export interface Message extends MessageExtras {
  readonly id: string;
  readonly body: Json;
  /** When it was sent by the sender's clock (RFC 3339): a claim. */
  readonly at: string;
  /** It came after messages that were sent after it. */
  readonly late: boolean;
  /** Tells the sender that this message and all before it were read. */
  markRead(): Promise<void>;
}

/** Messages handed over together, at most. */
const BATCH_MAX = 200;

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

  /** Whether the user has written to the other, has begun the conversation, or has accepted it. */
  get accepted(): boolean {
    return this.#peer.isAccepted;
  }

  /** Answers the other, from here on and what has come before: see the option `answersStrangers`. */
  accept(): Promise<void> {
    return this.#peer.accept();
  }

  /** Agrees on keys now, without a message: the first message would do so by itself. See the event `secured`. */
  secure(): Promise<void> {
    return this.#peer.secure();
  }

  /** Hex of the pinned identity key; null until it has been learnt. */
  get identityKey(): string | null {
    return this.#peer.trust.pin?.eddsaPublicKey ?? null;
  }

  /** Whether a message sent now can be encrypted at once: keys are agreed, or the first can go with the request for them. */
  get secured(): boolean {
    const { agreed, takesFirst } = this.#peer.agreement;
    return agreed || takesFirst;
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

  /** The largest body that `send` takes, as UTF-8 bytes of its JSON; what the options add counts too. */
  get maxBodyBytes(): number {
    return bodyBytesMax(this.#options.maxFrameBytes());
  }

  /**
   * Stores a message for sending and promises its id. Resolves before the relay has it: the handle's other promises, or
   * the events `stored`, `delivered` and `read`, report its progress. Rejects with `invalid_argument` for anything but
   * JSON, `key_changed`, `too_large`, `outbox_full`.
   */
  send(body: Json, options: SendOptions = {}): Sending {
    return this.#begin((id) => this.#send(id, body, options));
  }

  /** After how many seconds messages disappear on both sides, as last set by either; 0: they do not. */
  get timerS(): number {
    return this.#peer.disappearing.seconds;
  }

  /**
   * Lets messages disappear from now on, on both sides: what is sent carries `expiresS`, and programs delete by it. Goes as a
   * message, whose body says so in words for programs that know no timers. 0 ends it. Rejects as `send` does.
   */
  setTimer(seconds: number): Sending {
    return this.#begin(async (id) => {
      const { disappearing } = this.#peer;
      const timer = disappearing.next(seconds);
      await this.#send(id, timerWords(seconds), { timer }, (batch) => {
        disappearing.set(timer, this.#options.own.code, batch);
      });
      return id;
    });
  }

  /** The user types: call it at every key. The SDK reports it to the other every few seconds, if both have `relay.typing` on. */
  typing(): void {
    this.#peer.typing();
  }

  /** Tells the sender that this message and all before it were read. For programs that no longer hold the message. */
  markRead(id: string): Promise<void> {
    return this.#peer.receipts.read({ id });
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

  /** Goes on with older, weaker keys: after the event `downgraded`, if the other has gone back to an older program. */
  acceptWeakerKeys(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return unlessAborted(this.#peer.acceptWeakerKeys(), options.signal);
  }

  /** The other's messages, until the signal fires or the relay is closed. Asking for the next confirms the last as handled. */
  async *messages(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Message, void, undefined> {
    for await (const [message] of this.#batches(1, options.signal)) if (message !== undefined) yield message;
  }

  /**
   * The same, all that wait at a time: for programs that store messages, and would rather write once for many. A batch is
   * handled once the next is asked for.
   */
  batches(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<readonly Message[], void, undefined> {
    return this.#batches(BATCH_MAX, options.signal);
  }

  /**
   * Offers a file, by a message. What fits into the recipient's mailbox is sent at once and waits there; anything larger
   * is sent when the recipient asks for it, while both are there. Rejects as `send` does.
   */
  async sendFile(source: FileSource, options: SendFileOptions = {}): Promise<SentFile> {
    const { caption, preview, sha256, ...rest } = options;
    const offer = await makeOffer(source, options, this.#options.maxFrameBytes());
    const id = newEnvelopeId();
    const { files, handles } = this.#peer;
    const steps = handles.add(id);
    const fitsMailbox = files.fitsMailbox(offer);
    await this.#send(id, caption ?? offer.name, { ...rest, file: offer }, (batch) => {
      files.offer(offer, id, batch);
    });
    const file = files.outgoing(offer.id);
    files.send(file, source, fitsMailbox, steps.stored);
    const stored = fitsMailbox ? Promise.all([steps.stored, file.accepted.promise]) : steps.stored;
    const storedAll = stored.then(() => {});
    storedAll.catch(() => {});
    return Object.assign(transferOf(file), { messageId: id, stored: storedAll, fitsMailbox });
  }

  /** Goes on with a file that was offered before a restart: `source` has to have the same bytes. */
  resumeFile(file: string, source: FileSource): FileTransfer {
    return transferOf(this.#peer.files.resume(file, source));
  }

  /**
   * Asks for a file that the other has offered (`message.file`), also to go on after a restart; with `restart`, from its
   * beginning, because what the sink held is gone.
   */
  receiveFile(file: string, sink: FileSink, options: { readonly restart?: boolean } = {}): FileTransfer {
    return transferOf(this.#peer.files.receive(file, sink, options.restart ?? false));
  }

  /** Gives a file up, of either direction. */
  cancelFile(file: string): void {
    this.#peer.files.cancel(file);
  }

  /** The newest files of both directions. */
  get files(): readonly FileProgress[] {
    return this.#peer.files.progress;
  }

  #begin(send: (id: string) => Promise<string>): Sending {
    const id = newEnvelopeId();
    const { handles } = this.#peer;
    const steps = handles.add(id);
    const taken = send(id);
    taken.catch((error: ClientError) => handles.failed(id, error));
    return Object.assign(taken, steps);
  }

  async #send(
    id: string,
    body: Json,
    { signal, ...extras }: MessageExtras & { readonly signal?: AbortSignal },
    besides?: (batch: Batch) => void,
  ): Promise<string> {
    throwIfAborted(signal);
    requireJson(body);
    requireFits(body, extras, this.#options.maxFrameBytes());
    const at = new Date(this.#options.now()).toISOString();
    const { timerS } = this;
    const lasts = timerS === 0 || extras.timer !== undefined ? {} : { expiresS: timerS };
    await this.#peer.send(id, { type: 'message', body, at, ...lasts, ...extras }, besides);
    return id;
  }

  async *#batches(
    max: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Message[], void, undefined> {
    const { inbox } = this.#peer;
    for (;;) {
      const first = await inbox.take(signal);
      if (first === null) return;
      const entries = [first, ...inbox.drain(max - 1)];
      this.#peer.taken(entries.map(({ received }) => received));
      try {
        yield entries.map(({ received }) => {
          const { stream, number, late = false, ...said } = received;
          return { ...said, late, markRead: () => this.#peer.receipts.read(received) };
        });
      } finally {
        inbox.handled(entries);
      }
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    return this.messages();
  }
}
