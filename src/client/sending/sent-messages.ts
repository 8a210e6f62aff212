import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';
import { NumberedKeys, numberedKey } from '../storage/numbered-keys.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { Arrived, Content, MessageContent, Receipt } from './content.ts';

/** A message's progress, as it is stored: `sent:<peer>:<number>`. */
interface Sent {
  /** What `send` returned. */
  readonly id: string;
  readonly delivered: boolean;
  /** Until the message has arrived: it may have to be sent again. Absent, too, if an older client sent it. */
  readonly content?: MessageContent;
  /** The envelope that it went out in last; absent while it waits. */
  readonly as?: SentAs;
}

interface SentAs {
  /** Id of the envelope. */
  readonly envelope: string;
  /** Place among everything that was sealed for this peer; `IN_REQUEST` for a message inside a request. */
  readonly order: number;
  readonly atMs: number;
  readonly tries: number;
}

export const IN_REQUEST = -1;
/** Messages remembered for each peer after they were sent: a peer that never confirms must not fill the storage. */
const REMEMBERED_MAX = 1_000;
/** After so many tries a message that cannot be read has failed. */
const TRIES_MAX = 5;

/**
 * The messages to one peer that are not confirmed as read, in sending order, with what is needed to send one again. Numbers
 * them, and turns the peer's receipts into what they newly say.
 */
export class SentMessages {
  readonly #prefix: string;
  readonly #streamKey: string;
  readonly #sent: Map<number, Sent>;
  #stream: { readonly id: string; readonly next: number };
  /** How many went out and are still here. */
  #outCount = 0;

  constructor(peer: string, records: Records) {
    this.#prefix = `sent:${peer}:`;
    this.#streamKey = `stream:${peer}`;
    const keys = new NumberedKeys<Sent>(this.#prefix, records);
    this.#sent = new Map(keys.stored.map(([key, sent]) => [Number(key.slice(this.#prefix.length)), sent]));
    const next = ([...this.#sent.keys()].at(-1) ?? -1) + 1;
    for (const { as } of this.#sent.values()) if (as !== undefined) this.#outCount += 1;
    this.#stream = records.get(this.#streamKey) ?? { id: bytesToHex(randomBytes(16)), next };
  }

  /** Takes a message in and gives its number. */
  add(id: string, content: MessageContent, batch: Batch): number {
    const number = this.#stream.next;
    this.#stream = { ...this.#stream, next: number + 1 };
    batch.set(this.#streamKey, this.#stream);
    this.#store(number, { id, delivered: false, content }, batch);
    return number;
  }

  /** What to seal for this number; null if it need not be sent (again). */
  contentOf(number: number): Content | null {
    const sent = this.#sent.get(number);
    if (sent?.content === undefined) return null;
    const place = { stream: this.#stream.id, number, base: this.#base() };
    return { ...sent.content, id: sent.id, place };
  }

  /** A message that an older version of this client has queued, and stored elsewhere. */
  adopt(number: number, content: MessageContent): void {
    const sent = this.#sent.get(number);
    if (sent !== undefined) this.#sent.set(number, { ...sent, content });
  }

  idOf(number: number): string | null {
    return this.#sent.get(number)?.id ?? null;
  }

  /** The message goes out in this envelope. */
  sealed(number: number, as: Omit<SentAs, 'tries'>, batch: Batch): void {
    const sent = this.#sent.get(number);
    if (sent === undefined) return;
    if (sent.as === undefined) this.#outCount += 1;
    this.#store(number, { ...sent, as: { ...as, tries: (sent.as?.tries ?? 0) + 1 } }, batch);
    if (this.#outCount <= REMEMBERED_MAX) return;
    for (const [oldest, { as: out }] of this.#sent) {
      if (out === undefined) continue;
      this.#remove(oldest, batch);
      return;
    }
  }

  /** What asks a peer how much has arrived; null if there is nothing to ask for. `before`: sent by then. */
  check(beforeMs: number): Extract<Content, { readonly type: 'check' }> | null {
    const oldest = this.#sent.get(this.#base())?.as;
    if (oldest === undefined || oldest.atMs > beforeMs) return null;
    return { type: 'check', stream: this.#stream.id, next: this.#stream.next, base: this.#base() };
  }

  /** The number of the message whose last envelope was this one, or null. */
  lastIn(envelope: string): number | null {
    return this.#find(({ as }) => as?.envelope === envelope);
  }

  /** The number of the message with this id. */
  numberOf(id: string): number | null {
    return this.#find((sent) => sent.id === id);
  }

  /** Whether it may be sent once more. */
  mayTryAgain(number: number): boolean {
    const sent = this.#sent.get(number);
    return sent?.content !== undefined && (sent.as?.tries ?? 0) < TRIES_MAX;
  }

  /** Everything that was sent and has not arrived, oldest first. */
  unarrived(): number[] {
    return this.#waiting().flatMap(([number, { as }]) => (as === undefined ? [] : number));
  }

  /** The ids that this receipt newly confirms as delivered and as read, oldest first. Read ones are then forgotten. */
  confirmed(
    receipt: Receipt,
    version: 1 | 2,
    batch: Batch,
  ): { readonly delivered: string[]; readonly read: string[] } {
    const covers = this.#coverage(receipt, version);
    const covered = [...this.#sent].filter(([number, sent]) => isOut(sent) && covers(number, sent));
    const delivered = covered.filter(([, sent]) => !sent.delivered);
    for (const [number, { id, as }] of delivered)
      this.#store(number, { id, delivered: true, ...(as && { as }) }, batch);
    const read = receipt.type === 'read' ? covered : [];
    for (const [number] of read) this.#remove(number, batch);
    return { delivered: delivered.map(([, { id }]) => id), read: read.map(([, { id }]) => id) };
  }

  /**
   * The peer tells what has arrived. `order` is that of the newest message that it had when it said so: what is missing
   * and went out later is on its way. Gives the numbers to send again, and those that cannot be.
   */
  arrived(
    { stream, next, missing }: Arrived,
    order: number | null,
    batch: Batch,
  ): { readonly again: number[]; readonly gone: number[] } {
    if (stream !== this.#stream.id) return { again: [], gone: [] };
    for (const [number, { content, ...sent }] of this.#waiting()) {
      if (number < next && !missing.includes(number)) this.#store(number, sent, batch);
    }
    const lost = missing.filter((number) => number < this.#stream.next);
    return {
      again: lost.filter((number) => {
        const sent = this.#sent.get(number);
        return (
          sent?.content !== undefined && sent.as !== undefined && order !== null && sent.as.order < order
        );
      }),
      gone: lost.filter((number) => this.#sent.get(number)?.content === undefined),
    };
  }

  /** Nothing is sent again: the peer has another identity key now. */
  forgetContents(batch: Batch): void {
    for (const [number, { content, ...sent }] of this.#waiting())
      if (sent.as) this.#store(number, sent, batch);
  }

  /** What tells the peer that these will not come. */
  goneContent(numbers: readonly number[]): Content {
    return { type: 'gone', stream: this.#stream.id, numbers };
  }

  /** The message will never arrive. Gives its id; null if it is not ours. */
  failed(number: number, batch: Batch): string | null {
    const id = this.idOf(number);
    this.#remove(number, batch);
    return id;
  }

  /** Which messages a receipt speaks of. */
  #coverage(
    { up_to, number, stream, except = [] }: Receipt,
    version: 1 | 2,
  ): (number: number, sent: Sent) => boolean {
    if (number !== undefined) {
      return (each) => stream === this.#stream.id && each <= number && !except.includes(each);
    }
    const last = this.lastIn(up_to) ?? this.numberOf(up_to) ?? -1;
    // Without numbers, a receipt cannot tell of what is missing; of a client that numbers, only what has arrived is meant.
    return (each, { content }) => each === last || (each < last && (version === 1 || content === undefined));
  }

  #find(matches: (sent: Sent) => boolean): number | null {
    for (const [number, sent] of this.#sent) if (matches(sent)) return number;
    return null;
  }

  /** Messages that have not arrived and can be sent. */
  #waiting(): [number, Sent][] {
    return [...this.#sent].filter(([, { content }]) => content !== undefined);
  }

  #base(): number {
    for (const [number, { content }] of this.#sent) if (content !== undefined) return number;
    return this.#stream.next;
  }

  #store(number: number, sent: Sent, batch: Batch): void {
    this.#sent.set(number, sent);
    batch.set(numberedKey(this.#prefix, number), sent);
  }

  #remove(number: number, batch: Batch): void {
    const sent = this.#sent.get(number);
    if (sent === undefined) return;
    if (sent.as !== undefined) this.#outCount -= 1;
    this.#sent.delete(number);
    batch.remove(numberedKey(this.#prefix, number));
  }
}

/** It has been sent; older versions of this client did not store how. */
function isOut({ as, content }: Sent): boolean {
  return as !== undefined || content === undefined;
}
