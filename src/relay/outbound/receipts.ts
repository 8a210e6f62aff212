import type { Engine, MailboxId, SessionKey, SessionState } from '../../engine/engine.ts';
import { isAfter } from '../../engine/mailbox-id.ts';
import type { Config } from '../../ops/settings/config.ts';
import type { Batched } from '../context/batcher.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { retryPause } from '../context/retry.ts';
import { deadLetterByClient } from './dead-letter.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { Latency } from './latency.ts';
import type { Push } from './push.ts';
import type { Window } from './window.ts';

/**
 * A session confirms at most this often, because a confirm only trims. The price: when a node is killed, or the user
 * logs in elsewhere, the receipts of this time are lost, and those envelopes are sent once more, as envelopes whose
 * receipts are on their way always are.
 */
const CONFIRM_MS = 300;
/** Except when so many envelopes or bytes, or this part of what one sender may leave, are received and still stored. */
const BATCHED_ENVELOPES_MAX = 64;
const BATCHED_BYTES_MAX = 64 * 1024;
const SHARE_PART = 1 / 3;

/** What receipts mean for the session. */
export interface ReceiptsOwner {
  /** The store says that the session does not hold any more. */
  onLost(state: Exclude<SessionState, 'held'>): void;
  /** A receipt that matches nothing or, with null, a mere sign of life. */
  onNoise(foreign: 'pong' | 'ack' | null): void;
}

export interface ReceiptsOptions {
  readonly context: Pick<RelayContext, 'batcher' | 'metrics' | 'log' | 'now'> & {
    readonly config: Pick<Config, 'mailboxEnvelopes' | 'mailboxBytes' | 'mailboxSharePercent'>;
    readonly engine: Pick<Engine, 'confirm' | 'deadLetter'>;
  };
  readonly session: SessionKey;
  readonly window: Window;
  readonly heartbeat: Pick<Heartbeat, 'pong' | 'ask' | 'alive'>;
  readonly latency: Pick<Latency, 'confirmed'>;
  readonly push: Pick<Push, 'resume' | 'skip'>;
  readonly owner: ReceiptsOwner;
}

/**
 * Turns receipts of the client into trimmed mailboxes. What the client has (`#received`) and what the store has
 * let go (`#trimmed`) are kept apart, and confirming is repeated until the store has answered, so that a lost confirm
 * loses no receipt. Confirming late is harmless: the store compares the token.
 */
export class Receipts implements Batched {
  readonly #context: ReceiptsOptions['context'];
  readonly #session: SessionKey;
  readonly #window: Window;
  readonly #heartbeat: ReceiptsOptions['heartbeat'];
  readonly #latency: ReceiptsOptions['latency'];
  readonly #push: ReceiptsOptions['push'];
  readonly #owner: ReceiptsOwner;
  /** The newest id that the client has. Never goes back. */
  #received: MailboxId | null = null;
  /** The newest id that the store has trimmed. Follows `#received`. */
  #trimmed: MailboxId | null = null;
  /** Envelopes that the client has skipped and that are still in the mailbox, in the order of skipping. */
  #skipped: readonly MailboxId[] = NONE;
  /** Envelopes received since the last confirm was sent. */
  #unconfirmed = 0;
  #unconfirmedBytes = 0;
  /** When the last confirm was sent, in whole monotonic milliseconds: a number that V8 keeps without an object. */
  #confirmedMs = -CONFIRM_MS;
  /** The confirm in flight, or its retry. At most one. */
  #work: Promise<void> | null = null;
  #ended = false;
  #onAllReceived: (() => void) | null = null;

  constructor(options: ReceiptsOptions) {
    this.#context = options.context;
    this.#session = options.session;
    this.#window = options.window;
    this.#heartbeat = options.heartbeat;
    this.#latency = options.latency;
    this.#push = options.push;
    this.#owner = options.owner;
  }

  pong(payload: string): void {
    const pong = this.#heartbeat.pong(payload);
    if (pong.kind === 'receipt') {
      this.receive(pong.id);
      this.#heartbeat.ask(this.#window.full);
    } else this.#owner.onNoise(pong.kind === 'foreign' ? 'pong' : null);
  }

  /** The client has everything up to `id`, by pong or ack. */
  receive(id: MailboxId): void {
    const bytesBefore = this.#window.bytes;
    const envelopes = this.#window.confirm(id);
    if (envelopes === null) {
      this.#owner.onNoise('ack');
      return;
    }
    this.#context.metrics.envelopesConfirmed.add(envelopes);
    this.#latency.confirmed(id);
    this.#heartbeat.alive();
    this.#received = id;
    this.#unconfirmed += envelopes;
    this.#unconfirmedBytes += bytesBefore - this.#window.bytes;
    this.#confirmSoon();
    if (this.#window.size === 0) this.#onAllReceived?.();
    this.#push.resume(false);
  }

  /** The client cannot take this envelope: it becomes a dead letter, and its sender hears nothing. */
  skip(id: MailboxId): void {
    if (!this.#window.remove(id)) {
      this.#owner.onNoise('ack');
      return;
    }
    this.#skipped = [...this.#skipped, id];
    this.#heartbeat.alive();
    if (this.#window.size === 0) this.#onAllReceived?.();
    this.due();
  }

  /** Resolves when the client has everything that was pushed, or `settle` is called. */
  allReceived(): Promise<void> {
    if (this.#window.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAllReceived = resolve;
    });
  }

  /** The socket is gone: resolves when the last receipt has been confirmed, or has failed once more. */
  async settle(): Promise<void> {
    this.#ended = true;
    this.#onAllReceived?.();
    this.#context.batcher.leave(this);
    this.due();
    await this.#work;
  }

  /** Sends what is not confirmed yet, unless that is under way. */
  due(): void {
    if (this.#work === null && this.#hasWork) this.#work = this.#confirmAll();
  }

  get #hasWork(): boolean {
    return this.#received !== this.#trimmed || this.#skipped.length > 0;
  }

  #confirmSoon(): void {
    if (this.#work !== null || this.#ended) return;
    if (this.#mayWait) this.#context.batcher.join(this, this.#confirmedMs + CONFIRM_MS);
    else this.due();
  }

  /** What the client has must not keep its mailbox full. */
  get #mayWait(): boolean {
    const { mailboxEnvelopes, mailboxBytes, mailboxSharePercent } = this.#context.config;
    const part = (mailboxSharePercent / 100) * SHARE_PART;
    return (
      this.#unconfirmed < Math.min(BATCHED_ENVELOPES_MAX, mailboxEnvelopes * part) &&
      this.#unconfirmedBytes < Math.min(BATCHED_BYTES_MAX, mailboxBytes * part)
    );
  }

  async #confirmAll(): Promise<void> {
    let failures = 0;
    while (this.#hasWork) {
      try {
        const state = await this.#next();
        if (state !== 'held') {
          this.#owner.onLost(state);
          break;
        }
        // Receipts that came meanwhile are batched again, unless this is the end.
        if (!this.#ended && this.#skipped.length === 0) break;
      } catch {
        // The engine has told its observer why. All of it is idempotent: ask until the store answers.
        if (this.#ended) break;
        await retryPause(failures);
        failures += 1;
      }
    }
    this.#work = null;
    if (this.#received !== this.#trimmed && this.#unconfirmed > 0) this.#confirmSoon();
  }

  /** The next step, in the order of the mailbox: a receipt for a later envelope would trim a skipped one. */
  async #next(): Promise<SessionState> {
    const { engine } = this.#context;
    const upTo = this.#received;
    const [skipped] = this.#skipped;
    if (skipped !== undefined && (upTo === this.#trimmed || upTo === null || isAfter(upTo, skipped))) {
      const parts = { context: this.#context, session: this.#session };
      const state = await deadLetterByClient(parts, skipped, 'skipped');
      this.#skipped = this.#skipped.slice(1);
      this.#push.skip(skipped, this.#window.newest);
      return state;
    }
    this.#unconfirmed = 0;
    this.#unconfirmedBytes = 0;
    this.#confirmedMs = Math.trunc(this.#context.now());
    const state = upTo === null ? 'held' : await engine.confirm(this.#session, upTo);
    if (state === 'held') this.#trimmed = upTo;
    return state;
  }
}

const NONE: readonly MailboxId[] = [];
