import { utf8ToBytes } from '@noble/hashes/utils.js';
import { Agreement, newEnvelopeId } from './agreement.ts';
import type { Content, Json } from './content.ts';
import type { ConversationEvents } from './conversation-events.ts';
import type { User } from './directory.ts';
import { ClientError } from './errors.ts';
import { Emitter } from './events.ts';
import { Held } from './held.ts';
import type { Identity } from './identity.ts';
import { Inbox } from './inbox.ts';
import { type IncomingEnvelope, readVerified } from './incoming.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import { Receipts } from './receipts.ts';
import { Batch, type Records } from './records.ts';
import { Seen } from './seen.ts';
import { digestOfData } from './signing.ts';
import { TRY_AGAIN_AFTER_MS, Trust } from './trust.ts';

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
  readonly #seen: Seen;
  readonly #receipts: Receipts;
  readonly #held: Held;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** What comes in is taken one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: PeerOptions) {
    const { code, records } = options;
    this.#options = options;
    this.code = code;
    this.inbox = new Inbox({ ...options, peer: code });
    this.trust = new Trust({
      ...options,
      onChanged: ({ eddsaPublicKey, offered }) => {
        this.events.emit('key-changed', { pinned: eddsaPublicKey, offered: offered ?? '' });
      },
    });
    this.agreement = new Agreement({ ...options, peer: code, peerKey: () => this.#pinnedKey() });
    this.#seen = new Seen(code, records);
    this.#receipts = new Receipts({
      peer: code,
      records,
      say: (content) => this.#stage((batch) => this.#enqueueOnly(content, batch)),
      tell: (name, id) => this.events.emit(name, { id }),
    });
    this.#held = new Held(code, records);
    if (this.#held.envelopes.length > 0) this.#reviewLater();
  }

  /** Nothing is known of this peer: it may be forgotten. */
  get isNobody(): boolean {
    return this.trust.pin === null && this.#held.envelopes.length === 0;
  }

  /** Asks for keys if there are none. */
  async begin(): Promise<void> {
    await this.trust.learn();
    await this.#stage((batch) => this.agreement.prepare(batch));
  }

  /** Stores the message and gives its id; it is encrypted when its turn comes. */
  async send(body: Json, at: string): Promise<string> {
    this.refuseChangedKey();
    this.#options.outbox.requireRoom();
    const id = newEnvelopeId();
    await this.#stage((batch) => {
      this.#enqueue(id, { type: 'message', body, at }, batch);
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

  refuseChangedKey(): void {
    if (typeof this.trust.pin?.offered !== 'string') return;
    throw new ClientError(
      'key_changed',
      `The relay names another key for ${this.code} than before. Compare safety numbers, then acceptChangedKey().`,
    );
  }

  /** Trusts the newer key, and takes what came under it. */
  async acceptChangedKey(): Promise<void> {
    if (typeof this.trust.pin?.offered !== 'string') return;
    const lost = new ClientError(
      'key_changed',
      'It was encrypted for the key that has been given up: send it again.',
    );
    await this.#options.outbox.failSealed(this.code, lost);
    await this.#stage((batch) => {
      this.trust.accept(batch);
      this.agreement.forget(batch);
    });
    await this.#inTurn(() => this.#review());
    await this.begin();
  }

  /** Takes one envelope, or drops it. Resolves once what came of it is stored: only then may it be confirmed. */
  receive(envelope: IncomingEnvelope): Promise<void> {
    return this.#inTurn(async () => {
      // What is held for want of a key came before.
      const waits = this.trust.pin === null && this.#held.envelopes.length > 0;
      const cameMs = this.#options.now();
      const verdict = waits ? 'unknown' : await this.trust.judge(envelope, cameMs);
      if (verdict === 'trusted') await this.#takeStored(envelope, () => {});
      if (verdict === 'unknown') this.#reviewLater();
      if (verdict === 'unknown' || verdict === 'changed')
        await this.#stage((batch) => this.#held.add(envelope, cameMs, batch));
    });
  }

  /** Encrypts what the outbox is about to send for the first time. */
  seal(entry: OutboxEntry, batch: Batch): string | null {
    if (entry.content === null || typeof this.trust.pin?.offered === 'string') return null;
    this.agreement.prepare(batch);
    return this.agreement.seal(entry.id, entry.content, batch);
  }

  accepted({ id, content }: OutboxEntry): void {
    if (content?.type === 'message') this.events.emit('stored', { id });
  }

  failed(entry: OutboxEntry, error: ClientError): void {
    this.#inBackground((batch) => {
      if (entry.exchange !== null) this.agreement.requestFailed(entry.exchange, batch);
      this.#receipts.failed(entry.id, batch);
    });
    if (entry.content?.type === 'message') this.events.emit('failed', { id: entry.id, error });
  }

  close(): void {
    this.#receipts.close();
    clearTimeout(this.#retryTimer);
    this.inbox.close();
  }

  /** Judges again what is held, in order, as far as that can be done now. */
  async #review(): Promise<void> {
    for (const held of this.#held.envelopes) {
      const verdict = await this.trust.judge(held.envelope, held.cameMs);
      if (verdict === 'unknown') {
        this.#reviewLater();
        return;
      }
      if (verdict === 'changed') continue;
      const remove = (batch: Batch) => this.#held.remove(held, batch);
      if (verdict === 'trusted') await this.#takeStored(held.envelope, remove);
      else await this.#stage(remove);
    }
  }

  #reviewLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#inTurn(() => this.#review()).catch(() => {});
    }, TRY_AGAIN_AFTER_MS);
  }

  async #takeStored(envelope: IncomingEnvelope, besides: (batch: Batch) => void): Promise<void> {
    const after: (() => void)[] = [this.#options.onMet];
    await this.#stage((batch) => {
      besides(batch);
      this.#take(envelope, { batch, after });
    });
    for (const effect of after) effect();
  }

  /** The signature has verified: only now is the envelope parsed, from the signed bytes alone. */
  #take(envelope: IncomingEnvelope, step: { batch: Batch; after: (() => void)[] }): void {
    const { batch, after } = step;
    const read = readVerified(envelope);
    // A relay in the middle, or a broken one, may hand on what was written to somebody else.
    if (read === null || read.recipient !== this.#options.own.code) return;
    const { id, type, payload } = read;
    if (id !== null) {
      if (this.#seen.has(id)) return;
      this.#seen.add(id, batch);
    }
    if (type === 'key_exchange') {
      if (this.#options.outbox.crowded(this.code)) return;
      if (this.agreement.requested(digestOfData(envelope.data), payload, batch))
        after.push(() => this.#agreed());
    } else if (type === 'key_exchange_ack') {
      if (!this.agreement.acknowledged(payload, batch)) return;
      this.#enqueueOnly({ type: 'ready' }, batch);
      after.push(() => this.#agreed());
    } else if (type === 'message') {
      this.#open(id, payload, step);
    }
  }

  #open(id: string | null, payload: unknown, step: { batch: Batch; after: (() => void)[] }): void {
    const { batch, after } = step;
    const opened = this.agreement.open(payload, batch);
    if (opened.outcome === 'repeated') return;
    if (opened.outcome !== 'opened') {
      if (id === null) return;
      const tell = opened.outcome === 'keyless' && !this.#options.outbox.crowded(this.code);
      if (tell) this.#enqueue(newEnvelopeId(), { type: 'unreadable', id }, batch);
      after.push(() => this.events.emit('unreadable', { id }));
      return;
    }
    const { missing, content } = opened;
    if (missing > 0) after.push(() => this.events.emit('gap', { missing }));
    if (content !== null) this.#understand(id ?? newEnvelopeId(), content, step);
  }

  #understand(id: string, content: Content, { batch, after }: { batch: Batch; after: (() => void)[] }): void {
    switch (content.type) {
      case 'message': {
        const { body, at } = content;
        after.push(this.inbox.add({ id, body, at }, batch), () => this.#receipts.owe(id));
        return;
      }
      case 'delivered':
      case 'read':
        after.push(this.#receipts.heard(content, batch));
        return;
      case 'unreadable': {
        const error = new ClientError('unreadable', `${this.code} had lost the keys for it: send it again.`);
        if (!this.#receipts.failed(content.id, batch)) return;
        after.push(() => this.events.emit('failed', { id: content.id, error }));
        return;
      }
      case 'ready':
    }
  }

  #agreed(): void {
    this.events.emit('secured', {});
    this.#options.outbox.pump(this.code);
  }

  /** Takes the place of what says the same and has not been sent. */
  #enqueueOnly(content: Content, batch: Batch): void {
    this.#options.outbox.dropUnsealed(this.code, ({ type }) => type === content.type, batch);
    this.#enqueue(newEnvelopeId(), content, batch);
  }

  #enqueue(id: string, content: Content, batch: Batch): void {
    const entry = { id, recipient: this.code, urgent: false, frame: null, content, exchange: null };
    this.#options.outbox.add(entry, batch);
  }

  /** Changes what is stored in one write, and then lets the outbox look. */
  async #stage(change: (batch: Batch) => void): Promise<void> {
    const batch = new Batch();
    change(batch);
    try {
      await this.#options.records.commit(batch);
    } catch (error) {
      this.#options.onBroken(error);
      throw error;
    }
    this.#options.outbox.pump(this.code);
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    const done = this.#last.then(job);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Nobody waits for it; a failure to store has been reported. */
  #inBackground(change: (batch: Batch) => void): void {
    this.#stage(change).catch(() => {});
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
