/** After this much silence the client probes the socket; this is how long the answer may take. */
export const SILENCE_MS = 25_000;
export const ANSWER_WITHIN_MS = 10_000;

/**
 * Finds half-open sockets. Browsers do not show pings to scripts, so after `SILENCE_MS` without a frame `probe` must
 * send something that the relay answers. If no frame comes within `ANSWER_WITHIN_MS`, the socket is dead.
 */
export class Heartbeat {
  readonly #probe: () => void;
  readonly #dead: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting = false;
  #stopped = false;

  constructor(does: { readonly probe: () => void; readonly dead: () => void }) {
    this.#probe = does.probe;
    this.#dead = does.dead;
    this.heard();
  }

  /** A frame has arrived. */
  heard(): void {
    this.#waiting = false;
    this.#arm(SILENCE_MS, () => this.check());
  }

  /** Probes now, for example because the network has changed. */
  check(): void {
    if (this.#waiting || this.#stopped) return;
    this.#waiting = true;
    this.#arm(ANSWER_WITHIN_MS, this.#dead);
    this.#probe();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(then, ms);
  }
}
