import type { ConversationEvents } from '../conversation-events.ts';
import { ClientError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { Agreement, First, Lost } from '../keys/agreement.ts';
import type { PeerPrekeys } from '../keys/claimed-prekeys.ts';
import { loadKem } from '../keys/exchange/hybrid.ts';
import type { Trust } from '../keys/trust.ts';
import { type Content, encodeContent } from '../sending/content.ts';
import type { Outbox, OutboxEntry, Sealed } from '../sending/outbox.ts';
import { padded, plaintextBytesMax } from '../sending/padding.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import { IN_REQUEST, type SentMessages } from '../sending/sent-messages.ts';
import type { Typing } from '../sending/typing.ts';
import type { Batch } from '../storage/records.ts';

/** A message that was sent so long ago, and of which nothing was heard, is asked after. */
const CHECK_AFTER_MS = 10_000;
/** Between two such questions: the first pause, and the longest. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 86_400_000;
/** What a request has beside its first message, in bytes of its frame, at most. */
const REQUEST_BYTES = 5_120;

export interface PeerSenderOptions {
  readonly code: string;
  readonly agreement: Agreement;
  readonly trust: Trust;
  readonly prekeys: PeerPrekeys;
  readonly peerOutbox: PeerOutbox;
  readonly outbox: Outbox;
  readonly sentMessages: SentMessages;
  readonly typing: Typing;
  readonly events: Emitter<ConversationEvents>;
  readonly now: () => number;
  readonly maxFrameBytes: () => number;
}

/** Seals what goes to one peer, and sends again what was in vain. */
export class PeerSender {
  readonly #options: PeerSenderOptions;
  #checkAtMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #checkedBase = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PeerSenderOptions) {
    this.#options = options;
  }

  /** Encrypts and signs an entry, staging what has to be stored with it. */
  seal(entry: OutboxEntry, batch: Batch): Sealed {
    const { agreement, trust } = this.#options;
    if (trust.pin === null || trust.changed) return 'wait';
    if (entry.request) return this.#sealRequest(entry, batch);
    agreement.prepare(batch);
    const content = this.#contentOf(entry);
    if (content === null || (content.type === 'typing' && this.#options.typing.isStale(content)))
      return 'drop';
    const sealed = agreement.seal(entry.id, this.#plaintext(content), batch);
    if (sealed === null) {
      this.#tryAgainIn(agreement.proofDueMs);
      return 'wait';
    }
    const { frame, order } = sealed;
    const message = this.#numberOf(entry);
    if (message === null) return { frame };
    const as = { envelope: entry.id, order, atMs: this.#options.now() };
    this.#options.sentMessages.sealed(message, as, batch);
    return { frame, message };
  }

  /** The id of the message that this entry carries; null if none. */
  messageIdOf(entry: OutboxEntry): string | null {
    const number = this.#numberOf(entry);
    return number === null ? null : this.#options.sentMessages.idOf(number);
  }

  /** The relay will not store it. */
  failed(entry: OutboxEntry, error: ClientError, batch: Batch): void {
    const { agreement, peerOutbox, outbox } = this.#options;
    if (entry.exchange !== null) {
      this.sendAgain(agreement.requestFailed(entry.exchange, batch), batch);
      // Without a recipient there will be no keys: what waits for them waits in vain.
      if (error.code !== 'user_unknown') return;
      for (let each = peerOutbox.nextMessage; each !== undefined; each = peerOutbox.nextMessage) {
        outbox.drop(each, batch);
        this.#fail(this.#numberOf(each), error, batch);
      }
      return;
    }
    this.#fail(this.#numberOf(entry), error, batch);
  }

  /** Messages that the peer could not read, or has not got. */
  sendAgain(numbers: readonly number[], batch: Batch): void {
    const { code, sentMessages, peerOutbox } = this.#options;
    for (const number of numbers) {
      if (sentMessages.mayTryAgain(number)) peerOutbox.addAgain(number, batch);
      else this.#fail(number, new ClientError('unreadable', `${code} could not read it.`), batch);
    }
  }

  lost({ numbers, all }: Lost, batch: Batch): void {
    this.sendAgain(all ? this.#options.sentMessages.unarrived() : numbers, batch);
  }

  /** The peer is there. */
  onSign(batch: Batch): void {
    if (this.#waitsForKeys) this.#options.agreement.prepareOnSigns(batch);
    this.#check(batch);
  }

  /** Time has passed: asks for keys that are waited for, and after messages of which nothing was heard. */
  remind(batch: Batch): void {
    if (this.#waitsForKeys) this.#options.agreement.prepare(batch);
    this.#check(batch);
  }

  /** A message waits, here or inside a request. */
  get #waitsForKeys(): boolean {
    const { agreement, peerOutbox } = this.#options;
    return peerOutbox.nextMessage !== undefined || agreement.pendingFirst !== null;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tryAgainIn(ms: number): void {
    if (ms === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#options.peerOutbox.pump(), ms);
  }

  #check(batch: Batch): void {
    const { agreement, trust, sentMessages, peerOutbox, now } = this.#options;
    const nowMs = now();
    // Older clients do not know the question.
    if (!agreement.agreed || trust.level.version === 1 || nowMs < this.#checkAtMs) return;
    const check = sentMessages.check(nowMs - CHECK_AFTER_MS);
    if (check === null) return;
    // While nothing is heard, the questions become rare.
    this.#pauseMs =
      check.base === this.#checkedBase ? Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.#checkedBase = check.base;
    this.#checkAtMs = nowMs + this.#pauseMs;
    peerOutbox.addOnly(check, batch);
  }

  #sealRequest(entry: OutboxEntry, batch: Batch): Sealed {
    const { agreement, peerOutbox, outbox, prekeys, sentMessages, now } = this.#options;
    // The other side may have asked while we waited for prekeys: its keys are proven soon, and an older client whose request
    // crosses ours ignores ours, with the message inside.
    if (!agreement.needsKeys || agreement.proofDueMs > 0) return 'drop';
    const waiting = agreement.takesFirst ? peerOutbox.nextMessage : undefined;
    const first = agreement.takesFirst ? this.#firstOf(waiting) : null;
    const asking = first === null ? null : prekeys.ask();
    if (asking !== null) {
      void asking.then(() => peerOutbox.pump());
      return 'wait';
    }
    const sealed = agreement.sealRequest(entry.id, first, batch);
    if (sealed === null) {
      loadKem().then(
        () => peerOutbox.pump(),
        // Tried again when the next message is sent, or a minute later.
        () => {},
      );
      return 'wait';
    }
    const { frame, exchange, lost } = sealed;
    this.sendAgain(lost, batch);
    if (first === null) return { frame, exchange };
    if (waiting !== undefined && this.#numberOf(waiting) === first.number) outbox.drop(waiting, batch);
    sentMessages.sealed(first.number, { envelope: entry.id, order: IN_REQUEST, atMs: now() }, batch);
    return { frame, exchange, message: first.number };
  }

  /** The message that goes into a request: the one that was in the last, or else the oldest that waits. */
  #firstOf(waiting: OutboxEntry | undefined): First | null {
    const { agreement, sentMessages, maxFrameBytes } = this.#options;
    const pending = agreement.pendingFirst;
    const again = pending === null ? null : sentMessages.contentOf(pending);
    const [number, content] =
      again !== null
        ? [pending, again]
        : waiting !== undefined
          ? [this.#numberOf(waiting), this.#contentOf(waiting)]
          : [null, null];
    if (number === null || content === null) return null;
    const plaintext = this.#plaintext(content);
    const fits = plaintext.length <= plaintextBytesMax(maxFrameBytes() - REQUEST_BYTES);
    return fits ? { number, plaintext } : null;
  }

  #plaintext(content: Content): Uint8Array {
    const { typing, maxFrameBytes } = this.#options;
    return padded(encodeContent(content, { typing: typing.wanted() }), maxFrameBytes());
  }

  #contentOf(entry: OutboxEntry): Content | null {
    const { sentMessages } = this.#options;
    const number = this.#numberOf(entry);
    if (number === null) return entry.content;
    // Older versions of this client kept the content here.
    if (entry.content?.type === 'message') sentMessages.adopt(number, entry.content);
    return sentMessages.contentOf(number);
  }

  /** The number of the message in this entry; null if it has none, or if an older version of this client has forgotten it. */
  #numberOf({ id, message, content }: OutboxEntry): number | null {
    if (message !== undefined) return message;
    return content?.type === 'message' ? this.#options.sentMessages.numberOf(id) : null;
  }

  #fail(number: number | null, error: ClientError, batch: Batch): void {
    const id = number === null ? null : this.#options.sentMessages.failed(number, batch);
    if (id !== null) this.#options.events.emit('failed', { id, error });
  }
}
