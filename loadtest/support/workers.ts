import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ROOT } from '../../src/cli/dev/root.ts';
import { cpuUs } from '../../test/support/proc.ts';

interface Failed {
  readonly done: 'failed';
  readonly why: string;
}

/** Client processes that take one order at a time. */
export class Workers<Order, Reply extends { readonly done: string }> {
  readonly #processes: readonly ChildProcess[];

  /** @param program below loadtest, `bench/worker`: run.mjs has bundled it */
  constructor(program: string, count: number) {
    const file = join(ROOT, '.cache/programs/loadtest', `${program}.mjs`);
    this.#processes = Array.from({ length: count }, () => fork(file, { stdio: 'inherit' }));
  }

  get count(): number {
    return this.#processes.length;
  }

  cpuUs(): number {
    return this.#processes.reduce((sum, { pid = 0 }) => sum + cpuUs(pid), 0);
  }

  /** One order to each. Rejects with the first failure. */
  ask(orderOf: (index: number) => Order): Promise<readonly Reply[]> {
    return Promise.all(
      this.#processes.map(async (worker, index) => {
        worker.send(orderOf(index) as object);
        const [reply] = (await once(worker, 'message')) as [Reply | Failed];
        if (reply.done === 'failed') throw new Error((reply as Failed).why);
        return reply as Reply;
      }),
    );
  }

  stop(): void {
    for (const worker of this.#processes) worker.kill();
  }
}

/** In the client process: obeys each order, and replies. */
export function obeyOrders<Order, Reply extends { readonly done: string }>(
  obey: (order: Order) => Promise<Reply>,
): void {
  const tell = (reply: Reply | Failed) => process.send?.(reply);
  process.on('message', (order: Order) => {
    obey(order).then(tell, (error: unknown) => tell({ done: 'failed', why: String(error) }));
  });
}
