import type { Receipt } from '../sending/content.ts';

/** A receipt waits this long, so that one can confirm several messages, and so that the relay sees fewer. */
const RECEIPT_AFTER_MS = 150;

/** A message of the peer. The place is absent if an older client sent it. */
export interface Confirmed {
  readonly id: string;
  readonly stream?: string;
  readonly number?: number;
}

export interface ReceiptsOptions {
  /** Sends it, in place of an unsent one that says less. */
  readonly say: (receipt: Receipt) => Promise<void>;
  /** Numbers up to this one that the program does not have. */
  readonly missingTo: (number: number) => readonly number[];
}

/** The receipts that we owe one peer. */
export class Receipts {
  readonly #options: ReceiptsOptions;
  /** The newest message that the program has taken, and that it says was read. */
  #taken: Confirmed | null = null;
  #read: Confirmed | null = null;
  /** `delivered` has not been sent for `#taken`. */
  #owes = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** The program has taken a message of the peer. */
  owe(message: Confirmed): void {
    this.#taken = newer(this.#taken, message);
    if (!this.#owes) this.#timer = setTimeout(() => this.pay(), RECEIPT_AFTER_MS);
    this.#owes = true;
  }

  /** Sends what is owed, now. */
  pay(): void {
    const owed = this.#owes ? this.#taken : null;
    this.close();
    // Not awaited: a failure to store is reported where it happens.
    if (owed !== null) this.#options.say(this.#receipt('delivered', owed)).catch(() => {});
  }

  /** This message and all before it were read, and therefore delivered. */
  read(message: Confirmed): Promise<void> {
    this.#read = newer(this.#read, message);
    if (newer(this.#taken, this.#read) === this.#read) this.close();
    return this.#options.say(this.#receipt('read', this.#read));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#owes = false;
  }

  #receipt(type: Receipt['type'], { id, stream, number }: Confirmed): Receipt {
    if (stream === undefined || number === undefined) return { type, up_to: id };
    return { type, up_to: id, stream, number, except: this.#options.missingTo(number) };
  }
}

/** Receipts are cumulative, and a late message has a lower number than what was confirmed before it. */
function newer(one: Confirmed | null, other: Confirmed): Confirmed {
  if (one?.number === undefined || other.number === undefined || one.stream !== other.stream) return other;
  return other.number > one.number ? other : one;
}
