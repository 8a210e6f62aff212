import { digestOfData } from '../account/signing.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import { type IncomingEnvelope, type ReadEnvelope, readVerified } from '../connection/incoming.ts';
import type { ConversationEvents } from '../conversation-events.ts';
import type { Emitter } from '../events.ts';
import type { PeerFiles } from '../files/peer-files.ts';
import type { Agreement, Lost } from '../keys/agreement.ts';
import { kemIfLoaded, loadKem } from '../keys/exchange/hybrid.ts';
import { decodeContent } from '../sending/content.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { Carrier, ContentHandler } from './content-handler.ts';
import type { Reportable } from './reportable.ts';
import { Seen } from './seen.ts';

export interface EnvelopeHandlerOptions {
  readonly code: string;
  readonly ownCode: string;
  readonly records: Records;
  readonly agreement: Agreement;
  readonly contents: ContentHandler;
  readonly reportable: Reportable;
  readonly files: PeerFiles;
  readonly events: Emitter<ConversationEvents>;
  readonly peerOutbox: PeerOutbox;
  /** Messages of ours were in vain. */
  readonly onLost: (lost: Lost, batch: Batch) => void;
  /** The peer is there. */
  readonly onSign: (batch: Batch) => void;
}

/** The effects of one envelope: changes in `batch`, and what follows once they are stored. */
interface Step {
  readonly envelope: IncomingEnvelope;
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

  /** Loads what handling this envelope needs. Rejects if it cannot be loaded now. */
  async prepare(envelope: IncomingEnvelope): Promise<void> {
    if (kemIfLoaded() !== null) return;
    if (readVerified(envelope)?.type.startsWith('key_exchange')) await loadKem();
  }

  /** Call the returned function once the batch is stored. */
  handle(envelope: IncomingEnvelope, batch: Batch): () => void {
    const step: Step = { envelope, batch, after: [] };
    this.#sort(step);
    return () => {
      for (const effect of step.after) effect();
    };
  }

  /** Parses the signed bytes alone. */
  #sort(step: Step): void {
    const { envelope } = step;
    const read = readVerified(envelope);
    // A hostile or broken relay may deliver what was written to another recipient.
    if (read === null || read.recipient !== this.#options.ownCode) return;
    const { id, type, payload } = read;
    if (type === 'file') {
      // Parts may come twice, and in any order: nothing is noted of each.
      step.after.push(this.#options.files.received(payload, step.batch));
      return;
    }
    if (id !== null) {
      if (this.#seen.has(id)) return;
      this.#seen.add(id, step.batch);
    }
    if (type === 'key_exchange') this.#requested(read, digestOfData(envelope.data), step);
    else if (type === 'key_exchange_ack') this.#acknowledged(read, digestOfData(envelope.data), step);
    else if (type === 'message') this.#open(read, step);
  }

  #requested({ id, payload }: ReadEnvelope, digest: string, step: Step): void {
    const { agreement, peerOutbox } = this.#options;
    if (peerOutbox.crowded) return;
    const exchanged = agreement.requested(digest, payload, step.batch);
    if (exchanged.outcome === 'downgraded') this.#downgraded(step);
    if (exchanged.outcome !== 'answered' || exchanged.first === null) return;
    this.#understand(
      exchanged.first,
      { id: id ?? newEnvelopeId(), version: 2, missing: 0, late: false },
      step,
    );
  }

  #acknowledged({ payload }: ReadEnvelope, digest: string, step: Step): void {
    const { agreement, peerOutbox, onLost } = this.#options;
    const exchanged = agreement.acknowledged(digest, payload, step.batch);
    if (exchanged.outcome === 'downgraded') this.#downgraded(step);
    if (exchanged.outcome !== 'agreed') return;
    onLost(exchanged.lost, step.batch);
    peerOutbox.addOnly({ type: 'ready' }, step.batch);
    step.after.push(() => this.#options.events.emit('secured', {}));
  }

  #open({ id, payload }: ReadEnvelope, step: Step): void {
    const { agreement, events, peerOutbox, onLost, onSign } = this.#options;
    const { batch, after } = step;
    const agreedBefore = agreement.agreed;
    const opened = agreement.open(payload, batch);
    if (opened.outcome === 'repeated') return;
    if (opened.outcome !== 'opened') {
      if (id === null) return;
      if (opened.outcome === 'unreadable' && !peerOutbox.crowded)
        peerOutbox.add({ type: 'unreadable', id }, batch);
      after.push(() => events.emit('unreadable', { id }));
      return;
    }
    onLost(opened.lost, batch);
    if (!agreedBefore && agreement.agreed) after.push(() => events.emit('secured', {}));
    this.#understand(opened.plaintext, { ...opened, id: id ?? newEnvelopeId() }, step);
    onSign(batch);
  }

  #understand(plaintext: Uint8Array, carrier: Carrier, { envelope, batch, after }: Step): void {
    const { contents, reportable } = this.#options;
    const content = decodeContent(plaintext);
    if (content === null) return;
    if (content.type === 'message') reportable.add(envelope, batch);
    after.push(...contents.handle(content, carrier, batch));
  }

  #downgraded({ after }: Step): void {
    after.push(() => this.#options.events.emit('downgraded', {}));
  }
}
