import { build, type Histogram } from 'hdr-histogram-js';

const HIGHEST_US = 600_000_000;

function histogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  });
}

export interface Second {
  readonly second: number;
  readonly due: number;
  readonly received: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Due and not yet received, at the end of this second. */
  readonly underway: number;
  readonly connected: number;
  /** The most by which an envelope was sent after it was due: what this generator adds by itself. */
  readonly lateMs: number;
}

export interface StageFigures {
  readonly name: string;
  readonly due: number;
  readonly received: number;
  readonly refused: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

class Tally {
  due = 0;
  received = 0;
  refused = 0;
  lateMs = 0;
  readonly latencies = histogram();

  ms(percentile: number): number {
    return this.latencies.totalCount === 0 ? 0 : this.latencies.getValueAtPercentile(percentile) / 1000;
  }
}

/** Counts what became of every envelope: by stage in which it was due, and by second in which it was received. */
export class Ledger {
  readonly #stages: { readonly name: string; readonly seconds: number; readonly tally: Tally }[];
  readonly seconds: Second[] = [];
  readonly refusedBy = new Map<string, number>();
  readonly closes = new Map<string, number>();
  /** Why logins failed, each reason once. */
  readonly refusedLogins = new Set<string>();
  repeats = 0;
  inversions = 0;
  underway = 0;
  connected = 0;
  #now = new Tally();

  constructor(stages: readonly { readonly name: string; readonly seconds: number }[]) {
    this.#stages = stages.map(({ name, seconds }) => ({ name, seconds, tally: new Tally() }));
  }

  due(stage: number): void {
    this.#tally(stage).due += 1;
    this.#now.due += 1;
    this.underway += 1;
  }

  sentLate(lateMs: number): void {
    this.#now.lateMs = Math.max(this.#now.lateMs, lateMs);
  }

  received(stage: number, latencyMs: number): void {
    const us = Math.min(HIGHEST_US, Math.max(1, Math.round(latencyMs * 1000)));
    for (const tally of [this.#tally(stage), this.#now]) {
      tally.received += 1;
      tally.latencies.recordValue(us);
    }
    this.underway -= 1;
  }

  refused(stage: number, code: string): void {
    this.#tally(stage).refused += 1;
    this.underway -= 1;
    this.refusedBy.set(code, (this.refusedBy.get(code) ?? 0) + 1);
  }

  /** A socket that we did not close ourselves. */
  closed(code: number): void {
    this.closes.set(`${code}`, (this.closes.get(`${code}`) ?? 0) + 1);
  }

  tick(): Second {
    const tally = this.#now;
    this.#now = new Tally();
    const second: Second = {
      second: this.seconds.length + 1,
      due: tally.due,
      received: tally.received,
      p50Ms: tally.ms(50),
      p99Ms: tally.ms(99),
      underway: this.underway,
      connected: this.connected,
      lateMs: tally.lateMs,
    };
    this.seconds.push(second);
    return second;
  }

  stages(): readonly StageFigures[] {
    return this.#stages.map(({ name, seconds, tally }) => ({
      name,
      due: tally.due,
      received: tally.received,
      refused: tally.refused,
      perSecond: Math.round(tally.due / seconds),
      p50Ms: tally.ms(50),
      p95Ms: tally.ms(95),
      p99Ms: tally.ms(99),
      maxMs: tally.ms(100),
    }));
  }

  #tally(stage: number): Tally {
    const found = this.#stages[stage];
    if (found === undefined) throw new Error(`there is no stage ${stage}`);
    return found.tally;
  }
}
