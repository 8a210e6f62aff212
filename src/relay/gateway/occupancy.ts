/** Counts sockets by address: how many are open, and how many of those are without a login. */
export class Occupancy {
  readonly #byAddress = new Map<string, { open: number; pending: number }>();

  open(address: string): number {
    return this.#byAddress.get(address)?.open ?? 0;
  }

  pending(address: string): number {
    return this.#byAddress.get(address)?.pending ?? 0;
  }

  enter(address: string): void {
    const count = this.#byAddress.get(address) ?? { open: 0, pending: 0 };
    count.open += 1;
    count.pending += 1;
    this.#byAddress.set(address, count);
  }

  login(address: string): void {
    const count = this.#byAddress.get(address);
    if (count !== undefined) count.pending -= 1;
  }

  leave(address: string, wasPending: boolean): void {
    const count = this.#byAddress.get(address);
    if (count === undefined) return;
    count.open -= 1;
    if (wasPending) count.pending -= 1;
    if (count.open === 0) this.#byAddress.delete(address);
  }
}
