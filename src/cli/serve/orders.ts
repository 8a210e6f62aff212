import type { Control } from '../../engine/verbs/control.ts';
import type { LiveSettings } from '../../ops/settings/live-settings.ts';

export interface OrdersOptions {
  readonly control: () => Control;
  readonly nodeId: string;
  readonly live: LiveSettings;
  /** Variables whose value has changed. */
  readonly onChanged: (names: readonly string[]) => void;
  readonly onDrain: () => void;
}

/** How long an operator's order may take to reach a node. */
const ASK_EVERY_MS = 2_000;

/** Asks the store what operators want of this node: changed settings, and to drain. */
export class Orders {
  readonly #options: OrdersOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** Resolves after the first answer; without one, the node starts with its own settings. */
  async start(): Promise<void> {
    await this.refresh().catch(() => {});
    this.#next();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @throws EngineUnavailable */
  async refresh(): Promise<void> {
    const { control, live, onChanged } = this.#options;
    const changed = live.change(await control().settings());
    if (changed.length > 0) onChanged(changed);
  }

  #next(): void {
    this.#timer = setTimeout(() => {
      // Redis is away, which others report; asked again in a moment.
      void this.#ask().catch(() => {});
    }, ASK_EVERY_MS).unref();
  }

  async #ask(): Promise<void> {
    const { control, nodeId, onDrain } = this.#options;
    try {
      await this.refresh();
      if (await control().takeDrain(nodeId)) onDrain();
    } finally {
      if (this.#timer !== undefined) this.#next();
    }
  }
}
