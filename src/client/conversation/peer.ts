import { signedText } from '../../protocol/frames/relay-frames.ts';
import type { User } from '../account/directory.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import type { WaitReason } from '../commands/relay-reply.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError } from '../errors.ts';
import { Emitter } from '../events.ts';
import type { FileLane } from '../files/file-lane.ts';
import { PeerFiles } from '../files/peer-files.ts';
import { Agreement, type AgreementOptions, type Lost } from '../keys/agreement.ts';
import { type ClaimedPrekeys, PeerPrekeys } from '../keys/claimed-prekeys.ts';
import type { Now } from '../keys/exchange/freshness.ts';
import { Trust } from '../keys/trust.ts';
import { Arrivals } from '../receiving/arrivals.ts';
import { ContentHandler } from '../receiving/content-handler.ts';
import { EnvelopeHandler } from '../receiving/envelope-handler.ts';
import { EnvelopeVerifier } from '../receiving/envelope-verifier.ts';
import { Inbox, type Received } from '../receiving/inbox.ts';
import { Receipts } from '../receiving/receipts.ts';
import { Reportable } from '../receiving/reportable.ts';
import type { Acceptance } from '../sending/acceptance.ts';
import type { MessageContent } from '../sending/content.ts';
import { Disappearing } from '../sending/disappearing.ts';
import type { Outbox, OutboxEntry } from '../sending/outbox.ts';
import { PeerOutbox } from '../sending/peer-outbox.ts';
import { SentMessages } from '../sending/sent-messages.ts';
import { Typing } from '../sending/typing.ts';
import type { Batch, Records } from '../storage/records.ts';
import { PeerSender } from './peer-sender.ts';
import { SentHandles, type SentStep } from './sent.ts';

export interface PeerOptions {
  readonly code: string;
  readonly own: { readonly code: string; readonly identity: Identity };
  readonly records: Records;
  readonly outbox: Outbox;
  readonly acceptance: Acceptance;
  /** Whether receipts are sent. */
  readonly receipts: boolean;
  /** Whether the user wants to know when others type, and them to know. */
  readonly wantsTyping: () => boolean;
  readonly lane: FileLane;
  readonly mailboxBytes: () => number;
  readonly lookup: (code: string) => Promise<User>;
  readonly now: () => number;
  /** The relay's clock, and its names. */
  readonly relayNow: () => Now;
  /** The URL that we dial. */
  readonly audience: string;
  /** In UTF-8 bytes, as the relay stated at the last login. */
  readonly maxFrameBytes: () => number;
  readonly registeredKeys: boolean;
  /** Of what we have published for first messages. */
  readonly secrets: AgreementOptions['secrets'];
  /** Asks the relay for this peer's prekeys; null if it has none for anybody. */
  readonly claimPrekeys: (owner: {
    readonly code: string;
    readonly eddsaPublicKey: string;
  }) => Promise<ClaimedPrekeys | null> | null;
  /** A message waits for the program; the program has handled one. */
  readonly onAdded: () => void;
  readonly onHandled: () => void;
  /** A message waits, and nothing takes it yet. */
  readonly onWaiting: () => void;
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
  readonly disappearing: Disappearing;
  /** Seals what waits to be sent. */
  readonly sender: PeerSender;
  readonly receipts: Receipts;
  readonly reportable: Reportable;
  /** Takes the envelopes of this peer. */
  readonly verifier: EnvelopeVerifier;
  readonly #typing: Typing;
  readonly #options: PeerOptions;
  readonly #peerOutbox: PeerOutbox;
  readonly #sentMessages: SentMessages;
  readonly #arrivals: Arrivals;

  constructor(options: PeerOptions) {
    const { code, own, records } = options;
    const { events } = this;
    this.#options = options;
    this.code = code;
    const common = { ...options, events, peer: code };
    this.inbox = new Inbox(common);
    this.trust = new Trust({
      ...common,
      onChanged: ({ eddsaPublicKey, offered }) =>
        events.emit('key-changed', { pinned: eddsaPublicKey, offered: offered ?? '' }),
    });
    events.on('failed', ({ id, error }) => this.handles.failed(id, error));
    const { inbox, trust } = this;
    const peerOutbox = new PeerOutbox(options);
    const sentMessages = new SentMessages(code, records);
    const prekeys = new PeerPrekeys({
      claim: () => options.claimPrekeys({ code, eddsaPublicKey: trust.pinnedKey }),
    });
    const takePrekeys = () => prekeys.take();
    const agreement = new Agreement({ ...common, peerOutbox, trust, takePrekeys });
    this.agreement = agreement;
    this.#peerOutbox = peerOutbox;
    this.#sentMessages = sentMessages;
    this.files = new PeerFiles({
      ...common,
      own: own.code,
      isBlocked: () => trust.changed,
      sign: (id, payload) => {
        const message = { type: 'file', payload };
        return signedFrame(signedText({ sender: own.code, recipient: code, id, message }), own.identity);
      },
      onProgress: (progress) => events.emit('file', progress),
    });
    this.disappearing = new Disappearing(code, records);
    const typing = new Typing({ wanted: options.wantsTyping, nowMs: () => options.relayNow().nowMs });
    this.#typing = typing;
    const { files, disappearing } = this;
    const parts = {
      ...common,
      files,
      disappearing,
      typing,
      inbox,
      trust,
      agreement,
      prekeys,
      peerOutbox,
      sentMessages,
    };
    this.sender = new PeerSender(parts);
    this.#arrivals = new Arrivals({ ...parts, newest: () => agreement.newest });
    this.receipts = new Receipts({
      say: async (receipt) => {
        if (options.receipts) await peerOutbox.stage((batch) => peerOutbox.addOnly(receipt, batch));
      },
      missingTo: (number) => this.#arrivals.missingTo(number),
    });
    const contents = new ContentHandler({
      ...parts,
      arrivals: this.#arrivals,
      onReached: (step, id) => this.#reached(id, step),
      sendAgain: (numbers, batch) => this.sender.sendAgain(numbers, batch),
    });
    this.reportable = new Reportable(code, records);
    const handler = new EnvelopeHandler({
      ...parts,
      reportable: this.reportable,
      contents,
      ownCode: own.code,
      onLost: (lost: Lost, batch) => this.sender.lost(lost, batch),
      onSign: (batch) => this.sender.onSign(batch),
    });
    this.verifier = new EnvelopeVerifier({
      ...parts,
      prepare: (envelope) => handler.prepare(envelope),
      handle: (envelope, batch) => handler.handle(envelope, batch),
    });
  }

  /** Nothing is known of this peer, so it can be dropped. */
  get isUnknown(): boolean {
    return this.trust.pin === null && this.verifier.isEmpty;
  }

  get isAccepted(): boolean {
    return this.#options.acceptance.has(this.code);
  }

  /** From here on the peer is answered, and so is what has come before. */
  async accept(): Promise<void> {
    await this.#peerOutbox.stage((batch) => this.#options.acceptance.add(this.code, batch));
  }

  /** Learns the peer's key, and requests keys unless the first message can carry the request. */
  async begin(): Promise<void> {
    await this.trust.learn();
    await this.accept();
    if (!this.agreement.takesFirst) await this.secure();
  }

  /** Requests keys if there are none. */
  secure(): Promise<void> {
    return this.#peerOutbox.stage((batch) => this.agreement.prepare(batch));
  }

  /** Stores the message; it is encrypted when its turn comes. */
  async send(id: string, message: MessageContent, besides: (batch: Batch) => void = () => {}): Promise<void> {
    this.#refuseChangedKey();
    this.#options.outbox.requireRoom();
    this.#typing.said();
    await this.#peerOutbox.stage((batch) => {
      this.#options.acceptance.add(this.code, batch);
      this.#peerOutbox.addMessage(this.#sentMessages.add(id, message, batch), batch, id);
      besides(batch);
    });
  }

  /** The user types: reports it to the other, if both want that. */
  typing(): void {
    const content = this.trust.changed ? null : this.#typing.next();
    if (content !== null)
      this.#peerOutbox.stageInBackground((batch) => this.#peerOutbox.addOnly(content, batch));
  }

  /** The program has taken these. */
  taken(messages: readonly Received[]): void {
    for (const message of messages) this.receipts.owe(message);
  }

  /** Logged in, or a while has passed: asks again for what has not come. */
  remind(): void {
    this.#peerOutbox.stageInBackground((batch) => this.sender.remind(batch));
  }

  /** Trusts the newer key, and handles what was kept under it. */
  async acceptChangedKey(): Promise<void> {
    if (!this.trust.changed) return;
    const lost = new ClientError('key_changed', 'It was encrypted for the previous key: send it again.');
    await this.#options.outbox.failSealed(this.code, lost);
    await this.#peerOutbox.stage((batch) => {
      this.trust.accept(batch);
      this.agreement.forget(batch);
      this.#sentMessages.forgetContents(batch);
    });
    await this.verifier.review();
    await this.begin();
  }

  /** Exchanges keys by the older version again, if the other offers nothing better. */
  async acceptWeakerKeys(): Promise<void> {
    await this.#peerOutbox.stage((batch) => {
      this.trust.lower(batch);
      this.agreement.fallBack(batch);
    });
  }

  accepted(entry: OutboxEntry): void {
    const id = this.sender.messageIdOf(entry);
    if (id !== null && entry.again !== true) this.#reached(id, 'stored');
  }

  /** The relay refuses it for now; the outbox sends it again. */
  waiting(entry: OutboxEntry, why: WaitReason): void {
    const id = this.sender.messageIdOf(entry);
    if (id !== null) this.events.emit('waiting', { id, why });
  }

  failed(entry: OutboxEntry, error: ClientError): void {
    this.#peerOutbox.stageInBackground((batch) => this.sender.failed(entry, error, batch));
  }

  close(): void {
    this.handles.close();
    this.files.close();
    this.receipts.close();
    this.#arrivals.close();
    this.sender.close();
    this.verifier.close();
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
}
