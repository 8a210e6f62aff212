import { signedText } from '../../protocol/frames.ts';
import type { User } from '../account/directory.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import type { WaitReason } from '../connection/relay-reply.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError } from '../errors.ts';
import { Emitter } from '../events.ts';
import type { FileLane } from '../files/file-lane.ts';
import { PeerFiles } from '../files/peer-files.ts';
import { Agreement } from '../keys/agreement.ts';
import { Trust } from '../keys/trust.ts';
import { EnvelopeHandler } from '../receiving/envelope-handler.ts';
import { EnvelopeVerifier } from '../receiving/envelope-verifier.ts';
import { Inbox } from '../receiving/inbox.ts';
import { Receipts } from '../receiving/receipts.ts';
import type { Json } from '../sending/json.ts';
import type { MessageExtras } from '../sending/message-extras.ts';
import type { Outbox, OutboxEntry } from '../sending/outbox.ts';
import { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import { SentHandles, type SentStep } from './sent.ts';

export interface PeerOptions {
  readonly code: string;
  readonly own: { readonly code: string; readonly identity: Identity };
  readonly records: Records;
  readonly outbox: Outbox;
  readonly lane: FileLane;
  readonly mailboxBytes: () => number;
  readonly lookup: (code: string) => Promise<User>;
  readonly now: () => number;
  readonly registeredKeys: boolean;
  /** A message waits for the program; the program has handled one. */
  readonly onAdded: () => void;
  readonly onHandled: () => void;
  /** The peer has proven that it holds its key. */
  readonly onMet: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** Everything between this user and one other: the implementation of a `Conversation`. */
export class Peer {
  readonly code: string;
  readonly events = new Emitter<ConversationEvents>();
  readonly handles = new SentHandles();
  readonly inbox: Inbox;
  readonly trust: Trust;
  readonly agreement: Agreement;
  readonly files: PeerFiles;
  readonly #options: PeerOptions;
  readonly #peerOutbox: PeerOutbox;
  readonly #receipts: Receipts;
  readonly #verifier: EnvelopeVerifier;

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
    events.on('failed', ({ id, error }) => this.handles.failed(id, error));
    this.agreement = new Agreement({ ...options, peer: code, peerKey: () => this.#pinnedKey() });
    this.#peerOutbox = new PeerOutbox(options);
    this.#receipts = new Receipts({
      ...options,
      peer: code,
      say: (content) => this.#peerOutbox.stage((batch) => this.#peerOutbox.addOnly(content, batch)),
      tell: (step, id) => this.#reached(id, step),
    });
    this.files = new PeerFiles({
      ...options,
      peer: code,
      own: own.code,
      isBlocked: () => this.trust.changed,
      sign: (id, payload) => {
        const message = { type: 'file', payload };
        return signedFrame(signedText({ sender: own.code, recipient: code, id, message }), own.identity);
      },
      onProgress: (progress) => events.emit('file', progress),
    });
    const { inbox, trust, agreement, files } = this;
    const common = {
      ...options,
      files,
      inbox,
      trust,
      agreement,
      peerOutbox: this.#peerOutbox,
      receipts: this.#receipts,
    };
    const handler = new EnvelopeHandler({ ...common, events, ownCode: own.code });
    this.#verifier = new EnvelopeVerifier({
      ...common,
      handle: (envelope, batch) => handler.handle(envelope, batch),
    });
  }

  /** Nothing is known of this peer, so it can be dropped. */
  get isUnknown(): boolean {
    return this.trust.pin === null && this.#verifier.isEmpty;
  }

  /** Requests keys if there are none. */
  async begin(): Promise<void> {
    await this.trust.learn();
    await this.#peerOutbox.stage((batch) => this.agreement.prepare(batch));
  }

  /** Stores the message; it is encrypted when its turn comes. */
  async send(
    id: string,
    message: { readonly body: Json; readonly at: string } & MessageExtras,
    besides: (batch: Batch) => void = () => {},
  ): Promise<void> {
    this.#refuseChangedKey();
    this.#options.outbox.requireRoom();
    await this.#peerOutbox.stage((batch) => {
      this.#peerOutbox.add({ type: 'message', ...message }, batch, id);
      this.#receipts.sent(id, batch);
      besides(batch);
    });
  }

  confirmRead(upTo: string): Promise<void> {
    return this.#receipts.read(upTo);
  }

  /** Sends the `delivered` receipt that is owed, now. */
  payReceipt(): void {
    this.#receipts.pay();
  }

  /** Trusts the newer key, and handles what was kept under it. */
  async acceptChangedKey(): Promise<void> {
    if (!this.trust.changed) return;
    const lost = new ClientError('key_changed', 'It was encrypted for the previous key: send it again.');
    await this.#options.outbox.failSealed(this.code, lost);
    await this.#peerOutbox.stage((batch) => {
      this.trust.accept(batch);
      this.agreement.forget(batch);
    });
    await this.#verifier.review();
    await this.begin();
  }

  /** Resolves once the envelope's effects are stored: only then may it be confirmed. */
  receive(envelope: IncomingEnvelope): Promise<void> {
    return this.#verifier.take(envelope);
  }

  /** Encrypts an entry that the outbox is about to send for the first time. */
  seal(entry: OutboxEntry, batch: Batch): string | null {
    if (entry.content === null || this.trust.changed) return null;
    this.agreement.prepare(batch);
    return this.agreement.seal(entry.id, entry.content, batch);
  }

  accepted({ id, content }: OutboxEntry): void {
    if (content?.type === 'message') this.#reached(id, 'stored');
  }

  /** The relay refuses it for now; the outbox sends it again. */
  waiting({ id, content }: OutboxEntry, why: WaitReason): void {
    if (content?.type === 'message') this.events.emit('waiting', { id, why });
  }

  failed({ id, content, exchange }: OutboxEntry, error: ClientError): void {
    this.#peerOutbox.stageInBackground((batch) => {
      if (exchange !== null) this.agreement.requestFailed(exchange, batch);
      this.#receipts.failed(id, batch);
    });
    if (content?.type === 'message') this.events.emit('failed', { id, error });
  }

  close(): void {
    this.handles.close();
    this.files.close();
    this.#receipts.close();
    this.#verifier.close();
    this.inbox.close();
  }

  #reached(id: string, step: SentStep): void {
    this.handles.reached(id, step);
    this.events.emit(step, { id });
  }

  #refuseChangedKey(): void {
    if (!this.trust.changed) return;
    throw new ClientError(
      'key_changed',
      `The relay now names a different key for ${this.code}. Compare safety numbers, then call acceptChangedKey().`,
    );
  }

  #pinnedKey(): string {
    const pin = this.trust.pin;
    if (pin === null) throw new ClientError('invalid_argument', `The key of ${this.code} is not known yet.`);
    return pin.eddsaPublicKey;
  }
}
