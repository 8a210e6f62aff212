import { ClientError } from '../errors.ts';
import { type FileProgress, type FileState, isOver } from './file-progress.ts';
import type { FileOffer } from './offer.ts';

/** A file on its way, as the program sees it. */
export interface FileTransfer {
  readonly offer: FileOffer;
  readonly progress: FileProgress;
  /** The recipient has all of it. Rejects with `cancelled`, `file_failed`, or `closed` if the relay is closed first. */
  readonly done: Promise<void>;
  /** Gives it up, here and there. */
  cancel(): void;
}

/** The program's view of a file in hand. */
export function transferOf(file: {
  readonly offer: FileOffer;
  readonly progress: FileProgress;
  readonly completion: Completion;
  cancel(): void;
}): FileTransfer {
  return {
    offer: file.offer,
    get progress() {
      return file.progress;
    },
    done: file.completion.promise,
    cancel: () => file.cancel(),
  };
}

/** A file that this side has offered. */
export interface SentFile extends FileTransfer {
  /** Id of the message that it came with. */
  readonly messageId: string;
  /** The relay has the message, and all of the file if that fits into the mailbox. */
  readonly stored: Promise<void>;
  /** Whether all of it waits in the recipient's mailbox; otherwise parts go when the recipient asks, while this side is there. */
  readonly fitsMailbox: boolean;
}

/** A promise of a transfer: that all of it has arrived, or that the relay has all of it. */
export class Completion {
  readonly promise: Promise<void>;
  #resolve = () => {};
  #reject = (_: ClientError) => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A program that does not look at it must not be ended by its rejection.
    this.promise.catch(() => {});
  }

  reached(state: FileState, name: string): void {
    if (state === 'done') this.#resolve();
    else if (isOver(state)) {
      const what = state === 'cancelled' ? 'was cancelled' : 'is not what was offered, or could not be kept';
      this.#reject(new ClientError(state === 'cancelled' ? 'cancelled' : 'file_failed', `${name} ${what}.`));
    }
  }

  closed(): void {
    this.#reject(new ClientError('closed', 'The relay was closed first.'));
  }
}
