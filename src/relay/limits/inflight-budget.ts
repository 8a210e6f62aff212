/** What a frame costs the node beside its bytes; makes a flood of tiny frames count. */
const FRAME_OVERHEAD_BYTES = 256;

/** Bytes on their way from sockets to the store: one budget for each node. */
export interface InflightBudget {
  bytes: number;
  readonly bytesMax: number;
}

export interface InflightOptions {
  /** Shared by all sockets of the node. */
  readonly nodeBudget: InflightBudget;
  /** For this part alone. */
  readonly bytesMax: number;
}

/** One part of the bytes on their way: bounded by itself, and by what the node has left. */
export class Inflight {
  readonly #options: InflightOptions;
  /** Never above `bytesMax`. */
  #bytes = 0;

  constructor(options: InflightOptions) {
    this.#options = options;
  }

  /** False if there is no room for a frame of this size: nothing was counted. */
  take(frameBytes: number): boolean {
    const { nodeBudget, bytesMax } = this.#options;
    const cost = frameBytes + FRAME_OVERHEAD_BYTES;
    if (this.#bytes + cost > bytesMax || nodeBudget.bytes + cost > nodeBudget.bytesMax) return false;
    this.#bytes += cost;
    nodeBudget.bytes += cost;
    return true;
  }

  /** A frame that was taken has left. */
  give(frameBytes: number): void {
    const cost = frameBytes + FRAME_OVERHEAD_BYTES;
    this.#bytes -= cost;
    this.#options.nodeBudget.bytes -= cost;
  }
}
