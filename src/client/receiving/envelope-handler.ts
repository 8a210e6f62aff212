import { digestOfData } from '../account/signing.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import { type IncomingEnvelope, readVerified } from '../connection/incoming.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { PeerFiles } from '../files/peer-files.ts';
import type { Agreement } from '../keys/agreement.ts';
import type { Content } from '../sending/content.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { Inbox } from './inbox.ts';
import type { Receipts } from './receipts.ts';
import { Seen } from './seen.ts';

export interface EnvelopeHandlerOptions {
  readonly code: string;
  readonly ownCode: string;
  readonly records: Records;
  readonly agreement: Agreement;
  readonly inbox: Inbox;
  readonly receipts: Receipts;
  readonly files: PeerFiles;
  readonly events: Emitter<ConversationEvents>;
  readonly peerOutbox: PeerOutbox;
}

/** The effects of one envelope: changes in `batch`, and what follows once they are stored. */
interface Step {
  readonly batch: Batch;
  readonly after: (() => void)[];
}

/** Handles one peer's verified envelopes: each once, decrypting the messages. */
export class EnvelopeHandler {
  readonly #options: EnvelopeHandlerOptions;
  readonly #seen: Seen;

  constructor(options: EnvelopeHandlerOptions) {
    this.#options = options;
    this.#seen = new Seen(options.code, options.records);
  }

  /** Call the returned function once the batch is stored. */
  handle(envelope: IncomingEnvelope, batch: Batch): () => void {
    const step: Step = { batch, after: [] };
    this.#sort(envelope, step);
    return () => {
      for (const effect of step.after) effect();
    };
  }

  /** Parses the signed bytes alone. */
  #sort(envelope: IncomingEnvelope, step: Step): void {
    const { ownCode, agreement, peerOutbox } = this.#options;
    const { batch, after } = step;
    const read = readVerified(envelope);
    // A hostile or broken relay may deliver what was written to another recipient.
    if (read === null || read.recipient !== ownCode) return;
    const { id, type, payload } = read;
    if (type === 'file') {
      // Parts may come twice, and in any order: nothing is noted of each.
      after.push(this.#options.files.received(payload, batch));
      return;
    }
    if (id !== null) {
      if (this.#seen.has(id)) return;
      this.#seen.add(id, batch);
    }
    if (type === 'key_exchange') {
      if (peerOutbox.crowded) return;
      if (agreement.requested(digestOfData(envelope.data), payload, batch)) after.push(() => this.#agreed());
    } else if (type === 'key_exchange_ack') {
      if (!agreement.acknowledged(payload, batch)) return;
      peerOutbox.addOnly({ type: 'ready' }, batch);
      after.push(() => this.#agreed());
    } else if (type === 'message') {
      this.#open(id, payload, step);
    }
  }

  #open(id: string | null, payload: unknown, step: Step): void {
    const { agreement, events, peerOutbox } = this.#options;
    const { batch, after } = step;
    const opened = agreement.open(payload, batch);
    if (opened.outcome === 'repeated') return;
    if (opened.outcome !== 'opened') {
      if (id === null) return;
      if (opened.outcome === 'keyless' && !peerOutbox.crowded)
        peerOutbox.add({ type: 'unreadable', id }, batch);
      after.push(() => events.emit('unreadable', { id }));
      return;
    }
    const { missing, content } = opened;
    if (missing > 0) after.push(() => events.emit('gap', { missing }));
    if (content !== null) this.#understand(id ?? newEnvelopeId(), content, step);
  }

  #understand(id: string, content: Content, { batch, after }: Step): void {
    const { code, events, inbox, receipts } = this.#options;
    switch (content.type) {
      case 'message': {
        const { type, ...said } = content;
        if (said.file !== undefined) after.push(this.#options.files.offered(said.file, id, batch));
        after.push(inbox.add({ id, ...said }, batch), () => receipts.owe(id));
        return;
      }
      case 'delivered':
      case 'read':
        after.push(receipts.heard(content, batch));
        return;
      case 'unreadable': {
        const error = new ClientError('unreadable', `${code} had lost the keys for it: send it again.`);
        if (!receipts.failed(content.id, batch)) return;
        after.push(() => events.emit('failed', { id: content.id, error }));
        return;
      }
      case 'ready':
    }
  }

  #agreed(): void {
    this.#options.events.emit('secured', {});
    this.#options.peerOutbox.pump();
  }
}
