import { residentBytes } from '../support/proc.ts';

const SETTLE_MS = 60_000;

/** A process with `loadtest/support/collect.mjs` in it gets so long for a collection. */
const COLLECT_MS = 500;

/** Resident memory once nothing in it is only waiting to be collected. */
export async function settledMb(pid: number): Promise<number> {
  // Twice: what the first one finalizes, the second one frees.
  for (let n = 0; n < 2; n += 1) {
    process.kill(pid, 'SIGUSR2');
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  }
  return residentBytes(pid) / 2 ** 20;
}

/** Waits until the process is back within `percent` of what it had settled at. Resolves with what it has then. */
export async function untilBack(pid: number, beforeMb: number, percent: number): Promise<number> {
  const atMostMb = beforeMb * (1 + percent / 100);
  const deadlineMs = performance.now() + SETTLE_MS;
  for (;;) {
    const nowMb = await settledMb(pid);
    if (nowMb <= atMostMb) return nowMb;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `${nowMb.toFixed(0)} MB, ${beforeMb.toFixed(0)} MB before: more than ${percent} % over it`,
      );
    }
  }
}
