import { randomBytes } from 'node:crypto';
import type { Control } from '../../verbs/control.ts';

/** See `Control`. */
export class MemoryControl implements Control {
  readonly #settings = new Map<string, string>();
  readonly #drains = new Set<string>();
  readonly #secret = randomBytes(32).toString('hex');

  async settings(): Promise<ReadonlyMap<string, string>> {
    return new Map(this.#settings);
  }

  async changeSetting(name: string, value: string | null): Promise<void> {
    if (value === null) this.#settings.delete(name);
    else this.#settings.set(name, value);
  }

  async askToDrain(nodeId: string): Promise<void> {
    this.#drains.add(nodeId);
  }

  async takeDrain(nodeId: string): Promise<boolean> {
    return this.#drains.delete(nodeId);
  }

  async secret(): Promise<string> {
    return this.#secret;
  }
}
