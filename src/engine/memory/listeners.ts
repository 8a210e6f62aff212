import type { MailboxListener, Subscription, WakeUp } from '../engine.ts';

/** Who listens to which mailbox. Speaks in a microtask, never inside the call that has caused it. */
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
        // Nothing is ever lost between a map and its reader.
      },
      unsubscribe: () => {
        listeners.delete(entry);
        if (listeners.size === 0 && this.#byCode.get(code) === listeners) this.#byCode.delete(code);
      },
    };
  }

  wake(code: string, wakeUp: WakeUp): void {
    this.#tell(code, (listener) => listener.onWakeUp(wakeUp));
  }

  claimed(code: string, token: string): void {
    this.#tell(code, (listener) => listener.onClaimed(token));
  }

  clear(): void {
    for (const listeners of this.#byCode.values()) listeners.clear();
    this.#byCode.clear();
  }

  /** Who subscribes between the event and the microtask does not hear it: it was not subscribed yet. */
  #tell(code: string, say: (listener: MailboxListener) => void): void {
    const listeners = this.#byCode.get(code);
    if (listeners === undefined) return;
    const present = [...listeners];
    queueMicrotask(() => {
      for (const entry of present) if (listeners.has(entry)) say(entry.listener);
    });
  }
}
