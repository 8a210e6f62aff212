/** Silence after which the socket is asked for a sign of life, and how long that may take. */
export const SILENCE_MS = 25_000;
export const ANSWER_WITHIN_MS = 10_000;

/**
 * Finds half-open sockets: a browser shows its scripts no pings, so after `SILENCE_MS` without a frame `probe` must
 * send something that the relay answers; no frame within `ANSWER_WITHIN_MS` of that means that the socket is dead.
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

  /** A frame has come. */
  heard(): void {
    this.#waiting = false;
    this.#arm(SILENCE_MS, () => this.check());
  }

  /** Asks at once, say because the network has changed. */
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
