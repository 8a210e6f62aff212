import type { Engine, MailboxId, SessionKey, SessionState } from '../engine/engine.ts';

const RETRY_MS_MIN = 250;
/** As long as reading waits: a receipt that is not heard keeps the mailbox full. */
const RETRY_MS_MAX = 2_000;

export interface ReceiptsOptions {
  readonly engine: Pick<Engine, 'confirm'>;
  readonly session: SessionKey;
  /** The store says that the session does not hold any more. */
  readonly onLost: (state: Exclude<SessionState, 'held'>) => void;
}

/**
 * Turns receipts of the client into trimmed mailboxes. What the client has (`received`) and what the store has
 * let go (`trimmed`) are kept apart, and confirming is repeated until the store has answered: a receipt whose
 * confirm was lost is not lost.
 */
export class Receipts {
  readonly #options: ReceiptsOptions;
  /** The newest id that the client has. Never goes back. */
  #received: MailboxId | null = null;
  /** The newest id that the store has trimmed. Follows `received`. */
  #trimmed: MailboxId | null = null;
  /** The confirm in flight, or its retry. At most one. */
  #work: Promise<void> | null = null;
  #ended = false;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** The client has everything up to `id`. */
  advance(id: MailboxId): void {
    if (id === this.#trimmed) return;
    this.#received = id;
    if (this.#work === null && !this.#ended) this.#work = this.#confirmAll();
  }

  /** The socket is gone: resolves when the last receipt has been confirmed, or has failed once more. */
  async settle(): Promise<void> {
    this.#ended = true;
    await this.#work;
  }

  async #confirmAll(): Promise<void> {
    let retryMs = RETRY_MS_MIN;
    while (this.#received !== null && this.#received !== this.#trimmed) {
      const upTo = this.#received;
      try {
        const state = await this.#options.engine.confirm(this.#options.session, upTo);
        if (state !== 'held') {
          this.#options.onLost(state);
          break;
        }
        this.#trimmed = upTo;
        retryMs = RETRY_MS_MIN;
      } catch {
        // The engine has told its observer why. Confirming is idempotent: ask until it answers.
        if (this.#ended) break;
        await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random() / 2)).unref());
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
    this.#work = null;
  }
}
