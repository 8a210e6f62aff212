import type { MailboxId } from '../../engine/engine.ts';
import { isAfter, microseconds } from '../../engine/mailbox-id.ts';
import type { RelayContext } from '../context/relay-context.ts';

const US_PER_S = 1e6;
const MS_PER_S = 1e3;
/** A clock that counts whole milliseconds is half of one behind on average. */
const HALF_MS = 0.5;

/**
 * Measures how long the envelopes of one session take, one in flight at a time: while one is measured a push costs a
 * comparison, quiet sessions are measured whole, and a slow reader adds no more samples than it makes round trips.
 */
export class Latency {
  readonly #context: Pick<RelayContext, 'metrics' | 'now' | 'clock'>;
  /** The newest id of the mailbox at login: older envelopes waited for their reader, not for the relay. */
  readonly #loginLast: MailboxId;
  /** The envelope that is being measured; null: the next one will be. */
  #measured: { readonly id: MailboxId; readonly pushedMs: number } | null = null;

  constructor(context: Pick<RelayContext, 'metrics' | 'now' | 'clock'>, loginLast: MailboxId) {
    this.#context = context;
    this.#loginLast = loginLast;
  }

  pushed(id: MailboxId): void {
    if (this.#measured !== null) return;
    const { metrics, now, clock } = this.#context;
    this.#measured = { id, pushedMs: now() };
    if (!isAfter(id, this.#loginLast)) return;
    const storedS = Number(microseconds(id)) / US_PER_S;
    const pushedS = (clock() + HALF_MS) / MS_PER_S;
    // The clocks of two machines differ a little, and after a failback ids run ahead of the store's.
    metrics.acceptToPushSeconds.observe(Math.max(0, pushedS - storedS));
  }

  /** Everything up to `id` is confirmed. */
  confirmed(id: MailboxId): void {
    if (this.#measured === null || isAfter(this.#measured.id, id)) return;
    const { metrics, now } = this.#context;
    metrics.pushToConfirmSeconds.observe((now() - this.#measured.pushedMs) / MS_PER_S);
    this.#measured = null;
  }
}
