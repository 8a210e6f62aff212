import type { MailboxListener, Subscription, WakeUp } from '../engine.ts';

/** The listeners of each mailbox. Calls them in a microtask, never inside the call that caused it. */
export class Listeners {
  readonly #byCode = new Map<string, Set<{ listener: MailboxListener }>>();

  add(code: string, listener: MailboxListener): Subscription {
    const listeners = this.#byCode.get(code) ?? new Set();
    this.#byCode.set(code, listeners);
    const entry = { listener };
    listeners.add(entry);
    return {
      handTo(next) {
        entry.listener = next;
      },
      renew() {
        // No wake-up is ever lost here.
      },
      unsubscribe: () => {
        listeners.delete(entry);
        if (listeners.size === 0 && this.#byCode.get(code) === listeners) this.#byCode.delete(code);
      },
    };
  }

  hasAny(code: string): boolean {
    return this.#byCode.has(code);
  }

  wake(code: string, wakeUp: WakeUp): void {
    this.#notify(code, (listener) => listener.onWakeUp(wakeUp));
  }

  claimed(code: string, token: string): void {
    this.#notify(code, (listener) => listener.onClaimed(token));
  }

  clear(): void {
    for (const listeners of this.#byCode.values()) listeners.clear();
    this.#byCode.clear();
  }

  /** A listener that subscribes between the event and the microtask is not called: it was not subscribed yet. */
  #notify(code: string, call: (listener: MailboxListener) => void): void {
    const listeners = this.#byCode.get(code);
    if (listeners === undefined) return;
    const present = [...listeners];
    queueMicrotask(() => {
      for (const entry of present) if (listeners.has(entry)) call(entry.listener);
    });
  }
}
