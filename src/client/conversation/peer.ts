import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { User } from '../account/directory.ts';
import type { Identity } from '../account/identity.ts';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { ClientError } from '../errors.ts';
import { Emitter } from '../events.ts';
import { Agreement, newEnvelopeId } from '../keys/agreement.ts';
import { Trust } from '../keys/trust.ts';
import { EnvelopeHandler } from '../receiving/envelope-handler.ts';
import { EnvelopeVerifier } from '../receiving/envelope-verifier.ts';
import { Inbox } from '../receiving/inbox.ts';
import { PeerOutbox } from '../receiving/peer-outbox.ts';
import { Receipts } from '../receiving/receipts.ts';
import type { Json } from '../sending/content.ts';
import type { Outbox, OutboxEntry } from '../sending/outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { ConversationEvents } from './conversation-events.ts';

export interface PeerOptions {
  readonly code: string;
  readonly own: { readonly code: string; readonly identity: Identity };
  readonly records: Records;
  readonly outbox: Outbox;
  readonly lookup: (code: string) => Promise<User>;
  readonly now: () => number;
  readonly registeredKeys: boolean;
  /** A message waits for the program; the program is done with one. */
  readonly onAdded: () => void;
  readonly onHandled: () => void;
  /** The peer has shown to hold its key. */
  readonly onMet: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** Everything between this user and one other: the inside of a `Conversation`. */
export class Peer {
  readonly code: string;
  readonly events = new Emitter<ConversationEvents>();
  readonly inbox: Inbox;
  readonly trust: Trust;
  readonly agreement: Agreement;
  readonly #options: PeerOptions;
  readonly #post: PeerOutbox;
  readonly #receipts: Receipts;
  readonly #intake: EnvelopeVerifier;

  constructor(options: PeerOptions) {
    const { code, own } = options;
    const { events } = this;
    this.#options = options;
    this.code = code;
    this.inbox = new Inbox({ ...options, peer: code });
    this.trust = new Trust({
      ...options,
      onChanged: ({ eddsaPublicKey, offered }) =>
        events.emit('key-changed', { pinned: eddsaPublicKey, offered: offered ?? '' }),
    });
    this.agreement = new Agreement({ ...options, peer: code, peerKey: () => this.#pinnedKey() });
    this.#post = new PeerOutbox(options);
    this.#receipts = new Receipts({
      ...options,
      peer: code,
      say: (content) => this.#post.stage((batch) => this.#post.addOnly(content, batch)),
      tell: (name, id) => events.emit(name, { id }),
    });
    const { inbox, trust, agreement } = this;
    const common = { ...options, inbox, trust, agreement, post: this.#post, receipts: this.#receipts };
    const reader = new EnvelopeHandler({ ...common, events, ownCode: own.code });
    this.#intake = new EnvelopeVerifier({
      ...common,
      read: (envelope, batch) => reader.read(envelope, batch),
    });
  }

  /** Nothing is known of this peer: it may be forgotten. */
  get isNobody(): boolean {
    return this.trust.pin === null && this.#intake.isEmpty;
  }

  /** Asks for keys if there are none. */
  async begin(): Promise<void> {
    await this.trust.learn();
    await this.#post.stage((batch) => this.agreement.prepare(batch));
  }

  /** Stores the message and gives its id; it is encrypted when its turn comes. */
  async send(body: Json, at: string): Promise<string> {
    this.#refuseChangedKey();
    this.#options.outbox.requireRoom();
    const id = newEnvelopeId();
    await this.#post.stage((batch) => {
      this.#post.add({ type: 'message', body, at }, batch, id);
      this.#receipts.sent(id, batch);
    });
    return id;
  }

  confirmRead(upTo: string): Promise<void> {
    return this.#receipts.read(upTo);
  }

  /** Says `delivered` of everything that it has not been said of. */
  payReceipt(): void {
    this.#receipts.pay();
  }

  /** Trusts the newer key, and takes what came under it. */
  async acceptChangedKey(): Promise<void> {
    if (!this.trust.changed) return;
    const lost = new ClientError(
      'key_changed',
      'It was encrypted for the key that has been given up: send it again.',
    );
    await this.#options.outbox.failSealed(this.code, lost);
    await this.#post.stage((batch) => {
      this.trust.accept(batch);
      this.agreement.forget(batch);
    });
    await this.#intake.review();
    await this.begin();
  }

  /** Takes one envelope, or drops it. Resolves once what came of it is stored: only then may it be confirmed. */
  receive(envelope: IncomingEnvelope): Promise<void> {
    return this.#intake.take(envelope);
  }

  /** Encrypts what the outbox is about to send for the first time. */
  seal(entry: OutboxEntry, batch: Batch): string | null {
    if (entry.content === null || this.trust.changed) return null;
    this.agreement.prepare(batch);
    return this.agreement.seal(entry.id, entry.content, batch);
  }

  accepted({ id, content }: OutboxEntry): void {
    if (content?.type === 'message') this.events.emit('stored', { id });
  }

  failed({ id, content, exchange }: OutboxEntry, error: ClientError): void {
    this.#post.stageInBackground((batch) => {
      if (exchange !== null) this.agreement.requestFailed(exchange, batch);
      this.#receipts.failed(id, batch);
    });
    if (content?.type === 'message') this.events.emit('failed', { id, error });
  }

  close(): void {
    this.#receipts.close();
    this.#intake.close();
    this.inbox.close();
  }

  #refuseChangedKey(): void {
    if (!this.trust.changed) return;
    throw new ClientError(
      'key_changed',
      `The relay names another key for ${this.code} than before. Compare safety numbers, then acceptChangedKey().`,
    );
  }

  #pinnedKey(): string {
    const pin = this.trust.pin;
    if (pin === null)
      throw new ClientError('invalid_argument', `The key of ${this.code} has not been learnt.`);
    return pin.eddsaPublicKey;
  }
}

/** Bytes that a message of this body adds to a frame, at most: base64 of its JSON, and what stands around it. */
export function frameBytesOf(body: Json): number {
  return Math.ceil((utf8ToBytes(JSON.stringify(body)).length + 128) / 3) * 4 + 640;
}
