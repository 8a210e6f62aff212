import type { MailboxListener, WakeUp } from '../../engine/engine.ts';
import type { Session } from './session.ts';

/** Listens from before the claim until there is a session; remembers what must not be missed in between. */
export class EarlyEvents implements MailboxListener {
  session: Session | null = null;
  /** Of the wake-ups that came early the last is enough: a session reads whatever is missing before it. */
  #wakeUp: WakeUp | null = null;
  #look = false;
  #reclaim = false;
  /** The last claim that was heard of, which may be one's own. */
  #claimed: string | null = null;

  /** After the session has started, so that it tells what comes early from what it reads anyway. */
  handOver(session: Session): void {
    this.session = session;
    if (this.#claimed !== null) session.onClaimed(this.#claimed);
    if (this.#wakeUp !== null) session.onWakeUp(this.#wakeUp);
    if (this.#look) session.onPoll();
    // The store may have lost this very claim.
    if (this.#reclaim) session.onReclaim();
  }

  onWakeUp(wakeUp: WakeUp): void {
    if (this.session === null) this.#wakeUp = wakeUp;
    else this.session.onWakeUp(wakeUp);
  }

  onClaimed(token: string): void {
    if (this.session === null) this.#claimed = token;
    else this.session.onClaimed(token);
  }

  onPoll(): void {
    if (this.session === null) this.#look = true;
    else this.session.onPoll();
  }

  onReclaim(): void {
    if (this.session === null) this.#reclaim = true;
    else this.session.onReclaim();
  }
}
