import type { Stage } from './stage.ts';

const POLL_MS = 500;

/** Follows which alerts fire, and since when. */
export class AlertWatch {
  readonly #stage: Stage;
  readonly #timer: NodeJS.Timeout;
  /** When each alert that fires now was first seen to. */
  #firing = new Map<string, number>();
  #polling = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  fires(name: string): boolean {
    return this.#firing.has(name);
  }

  /** Names of those that began to fire since then, by `performance.now()`, and still do. */
  since(fromMs: number): readonly string[] {
    return [...this.#firing].filter(([, sinceMs]) => sinceMs >= fromMs).map(([name]) => name);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    try {
      const nowMs = performance.now();
      const names = await this.#stage.firing();
      this.#firing = new Map([...names].map((name) => [name, this.#firing.get(name) ?? nowMs]));
    } catch {
      // Prometheus is not what is broken here; what was known stays until it answers.
    } finally {
      this.#polling = false;
    }
  }
}
