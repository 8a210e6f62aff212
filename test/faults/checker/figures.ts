import type { History, SentEnvelope } from './history.ts';

/** When each envelope arrived for the first time, by `nameOf`. */
function firstArrivals(history: History): Map<string, number> {
  const firsts = new Map<string, number>();
  for (const arrival of history.arrivals) {
    const name = nameOf(arrival);
    if (!firsts.has(name)) firsts.set(name, arrival.atMs);
  }
  return firsts;
}

function nameOf(named: {
  readonly sender: string;
  readonly recipient: string;
  readonly number: number;
}): string {
  return `${named.sender}>${named.recipient}#${named.number}`;
}

/** From being accepted to the first arrival, ms, sorted; 0 for one that was faster than its `accepted`. */
export function delaysOf(
  history: History,
  which: (envelope: SentEnvelope) => boolean = () => true,
): number[] {
  const firsts = firstArrivals(history);
  return history.sent
    .filter(which)
    .flatMap((envelope) => {
      const arrivedAtMs = firsts.get(nameOf(envelope));
      const { settledAtMs } = envelope;
      return arrivedAtMs === undefined || settledAtMs === null
        ? []
        : [Math.max(0, arrivedAtMs - settledAtMs)];
    })
    .sort((a, b) => a - b);
}

/** For each recipient the longest that something accepted waited for its first arrival, ms, sorted. */
export function gapsOf(history: History): number[] {
  const firsts = firstArrivals(history);
  const gaps = new Map<string, number>();
  for (const envelope of history.sent) {
    const arrivedAtMs = firsts.get(nameOf(envelope));
    if (envelope.settledAtMs === null || arrivedAtMs === undefined) continue;
    const gapMs = Math.max(0, arrivedAtMs - envelope.settledAtMs);
    gaps.set(envelope.recipient, Math.max(gaps.get(envelope.recipient) ?? 0, gapMs));
  }
  return [...gaps.values()].sort((a, b) => a - b);
}

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
