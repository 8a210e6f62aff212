import type { Engine, MailboxId, SessionKey, SessionState } from '../../engine/engine.ts';
import type { ConfirmBatcher } from '../context/confirm-batcher.ts';

/** With so many of one session nobody is waited for: a mailbox is not held full by what its owner has. */
const GATHERED_ENVELOPES_MAX = 64;
const RETRY_MS_MIN = 250;
/** As long as reading waits: a receipt that is not heard keeps the mailbox full. */
const RETRY_MS_MAX = 2_000;

/** What confirming asks of its session. */
export interface ReceiptsHost {
  readonly engine: Pick<Engine, 'confirm'>;
  readonly session: SessionKey;
  readonly gathering: ConfirmBatcher;
  /** The store says that the session does not hold any more. */
  onLost(state: Exclude<SessionState, 'held'>): void;
}

/**
 * Turns receipts of the client into trimmed mailboxes. What the client has (`received`) and what the store has
 * let go (`trimmed`) are kept apart, and confirming is repeated until the store has answered: a receipt whose
 * confirm was lost is not lost. Confirming late is harmless: the store compares the token.
 */
export class Receipts {
  readonly #host: ReceiptsHost;
  /** The newest id that the client has. Never goes back. */
  #received: MailboxId | null = null;
  /** The newest id that the store has trimmed. Follows `received`. */
  #trimmed: MailboxId | null = null;
  /** Envelopes received since the last confirm was sent. */
  #gathered = 0;
  /** The confirm in flight, or its retry. At most one. */
  #work: Promise<void> | null = null;
  #ended = false;

  constructor(host: ReceiptsHost) {
    this.#host = host;
  }

  /** The client has everything up to `id`: so many envelopes more than before. */
  advance(id: MailboxId, envelopes: number): void {
    if (id === this.#trimmed) return;
    this.#received = id;
    this.#gathered += envelopes;
    this.#confirmSoon();
  }

  /** The socket is gone: resolves when the last receipt has been confirmed, or has failed once more. */
  async settle(): Promise<void> {
    this.#ended = true;
    this.#host.gathering.leave(this);
    this.confirm();
    await this.#work;
  }

  /** Sends what is not confirmed yet, unless that is under way. */
  confirm(): void {
    if (this.#work === null && this.#received !== this.#trimmed) this.#work = this.#confirmAll();
  }

  #confirmSoon(): void {
    if (this.#work !== null || this.#ended) return;
    if (this.#gathered < GATHERED_ENVELOPES_MAX) this.#host.gathering.join(this);
    else this.confirm();
  }

  async #confirmAll(): Promise<void> {
    const { engine, session } = this.#host;
    let retryMs = RETRY_MS_MIN;
    while (this.#received !== null && this.#received !== this.#trimmed) {
      const upTo = this.#received;
      this.#gathered = 0;
      try {
        const state = await engine.confirm(session, upTo);
        if (state !== 'held') {
          this.#host.onLost(state);
          break;
        }
        this.#trimmed = upTo;
        // What has come meanwhile waits for company again, unless this is the end.
        if (!this.#ended) break;
      } catch {
        // The engine has told its observer why. Confirming is idempotent: ask until it answers.
        if (this.#ended) break;
        await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random() / 2)).unref());
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
    this.#work = null;
    if (this.#received !== this.#trimmed && this.#gathered > 0) this.#confirmSoon();
  }
}
