import type { Couple } from './couple.ts';
import type { Ledger, Second } from './ledger.ts';
import { BREAK_SECONDS, type Scenario, type Stage } from './plan.ts';

/** After the last stage: how long what is still on the way may take. */
const SETTLE_S_MAX = 30;
const POLL_MS = 10;
const TURN_MS_MAX = 20;
const SLOWEST_PER_S = 1;

export interface Drive {
  readonly scenario: Scenario;
  readonly couples: readonly Couple[];
  readonly ledger: Ledger;
  /** Envelopes per second that `1` in a stage means. */
  readonly rate: number;
  readonly onSecond: (second: Second, stage: string) => void;
}

export interface Outcome {
  /** From the last event until everybody was back and nothing waited any more; null without an event. */
  readonly recoveryS: number | null;
  /** When latency gave way; null if it did not. */
  readonly brokeAt: {
    readonly perSecond: number;
    /** How late the generator sent what was due: if that is most of the latency, it is what broke. */
    readonly generatorLateMs: number;
  } | null;
}

/** Plays the stages of a scenario, open loop: an envelope is due when it is due, whatever the relay does. */
export async function drive({ scenario, couples, ledger, rate, onSecond }: Drive): Promise<Outcome> {
  let recovery: Recovery | null = null;
  let brokeAt: Outcome['brokeAt'] = null;
  let slowSeconds = 0;
  let stageName = '';
  let perSecond = 0;
  const timer = setInterval(() => {
    for (const couple of couples) couple.tick();
    const second = ledger.tick();
    const bound = scenario.breaksAtP99Ms ?? Number.POSITIVE_INFINITY;
    const slow = second.p99Ms > bound || (second.received === 0 && second.underway > 0);
    slowSeconds = slow ? slowSeconds + 1 : 0;
    if (slowSeconds >= BREAK_SECONDS && scenario.breaksAtP99Ms !== undefined && brokeAt === null)
      brokeAt = { perSecond: Math.round(perSecond), generatorLateMs: second.lateMs };
    onSecond(second, stageName);
  }, 1_000);
  try {
    for (const [index, stage] of scenario.stages.entries()) {
      stageName = stage.name;
      if (stage.event !== undefined) {
        begin(stage.event, couples);
        recovery = new Recovery(couples, stage.event !== 'recipients-leave');
      }
      await play(stage, {
        send: (dueAtMs, turn) => {
          couples[turn % couples.length]?.send(dueAtMs, index);
          ledger.sentLate(performance.now() - dueAtMs);
        },
        rateAt: (share) => {
          perSecond = rate * (stage.from + (stage.to - stage.from) * share);
          return perSecond;
        },
        each: () => recovery?.look(),
        over: () => brokeAt !== null,
      });
    }
    const endMs = performance.now() + SETTLE_S_MAX * 1000;
    while (ledger.underway > 0 && performance.now() < endMs) {
      recovery?.look();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    recovery?.look();
  } finally {
    clearInterval(timer);
  }
  return { recoveryS: recovery === null ? null : recovery.seconds, brokeAt };
}

function begin(event: NonNullable<Stage['event']>, couples: readonly Couple[]): void {
  for (const couple of couples) {
    if (event === 'cut-all') couple.cut();
    else if (event === 'recipients-leave') couple.leave();
    else couple.return();
  }
}

/** Waits for the moment when all are back and have what was written to them meanwhile. */
class Recovery {
  readonly #couples: readonly Couple[];
  readonly #counts: boolean;
  readonly #sinceMs = performance.now();
  #looked = 0;
  #doneMs: number | null = null;

  constructor(couples: readonly Couple[], counts: boolean) {
    this.#couples = couples;
    this.#counts = counts;
  }

  get seconds(): number {
    return ((this.#doneMs ?? Number.POSITIVE_INFINITY) - this.#sinceMs) / 1000;
  }

  look(): void {
    if (!this.#counts || this.#doneMs !== null || performance.now() < this.#looked + POLL_MS) return;
    this.#looked = performance.now();
    // Those that were on the way when it began; what is due since then is the ordinary load.
    const done = this.#couples.every((couple) => couple.settled && couple.oldestUnderwayMs > this.#sinceMs);
    if (done) this.#doneMs = this.#looked;
  }
}

interface Play {
  readonly send: (dueAtMs: number, turn: number) => void;
  /** @param share of the stage's time that is over */
  readonly rateAt: (share: number) => number;
  readonly each: () => void;
  readonly over: () => boolean;
}

async function play({ seconds }: Stage, { send, rateAt, each, over }: Play): Promise<void> {
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  let dueAtMs = startMs;
  let turn = 0;
  while (performance.now() < endMs && !over()) {
    // A late turn of the loop sends all that are due.
    const now = Math.min(performance.now(), endMs);
    // But not so many that this process hears nothing any more, clock and receipts included.
    const turnEndMs = performance.now() + TURN_MS_MAX;
    while (dueAtMs <= now && performance.now() < turnEndMs) {
      const perSecond = rateAt((dueAtMs - startMs) / (endMs - startMs));
      if (perSecond >= SLOWEST_PER_S) send(dueAtMs, turn++);
      // Next to nothing is due: look again soon, the rate may be rising.
      dueAtMs += perSecond >= SLOWEST_PER_S ? 1000 / perSecond : POLL_MS;
    }
    each();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
