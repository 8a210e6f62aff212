import type { MailboxListener, WakeUp } from '../../engine/engine.ts';

/** Listens from before the claim until there is a session, and remembers what the session must not miss. */
export class EarlyEvents implements MailboxListener {
  /** The last wake-up is enough: a session reads whatever is missing before it. */
  #wakeUp: WakeUp | null = null;
  #poll = false;
  #reclaim = false;
  /** The last claim heard of, which may be this login's own. */
  #claimed: string | null = null;

  onWakeUp(wakeUp: WakeUp): void {
    this.#wakeUp = wakeUp;
  }

  onClaimed(token: string): void {
    this.#claimed = token;
  }

  onPoll(): void {
    this.#poll = true;
  }

  onReclaim(): void {
    this.#reclaim = true;
  }

  /** To be called once the session has started, so that it can tell early events from what it reads anyway. */
  replay(session: MailboxListener): void {
    if (this.#claimed !== null) session.onClaimed(this.#claimed);
    if (this.#wakeUp !== null) session.onWakeUp(this.#wakeUp);
    if (this.#poll) session.onPoll();
    // The store may have lost this very claim.
    if (this.#reclaim) session.onReclaim();
  }
}
