import type { Outcome } from './drive.ts';
import type { Ledger } from './ledger.ts';
import type { Scenario } from './plan.ts';

export interface Verdict {
  readonly held: boolean;
  readonly threshold: string;
  readonly found: string;
}

interface Finished {
  readonly scenario: Scenario;
  readonly ledger: Ledger;
  readonly outcome: Outcome;
  /** Accepted by the relay and never received. */
  readonly missing: number;
}

/** What must hold, and whether it did. Nothing may ever be lost or out of order, under whatever load. */
export function judge({ scenario, ledger, outcome, missing }: Finished): readonly Verdict[] {
  const stages = ledger.stages();
  const due = stages.reduce((sum, stage) => sum + stage.due, 0);
  const received = stages.reduce((sum, stage) => sum + stage.received, 0);
  const refused = stages.reduce((sum, stage) => sum + stage.refused, 0);
  const unknown = due - received - refused - missing;
  const verdicts: Verdict[] = [
    check('envelopes were sent', due > 0, `${due}`),
    check('accepted and never received: 0', missing === 0, `${missing}`),
    check('neither received nor refused: 0', unknown === 0, `${unknown}`),
    check('out of order: 0', ledger.inversions === 0, `${ledger.inversions}`),
    check(
      `refused: at most ${percent(scenario.refusedShareMax)}`,
      refused <= due * scenario.refusedShareMax,
      `${percent(refused / Math.max(1, due))} ${JSON.stringify(Object.fromEntries(ledger.refusedBy))}`,
    ),
  ];
  for (const [index, stage] of scenario.stages.entries()) {
    const { p99MsMax, name } = stage;
    const p99Ms = stages[index]?.p99Ms ?? 0;
    if (p99MsMax === undefined) continue;
    verdicts.push(check(`p99 of "${name}": at most ${p99MsMax} ms`, p99Ms <= p99MsMax, ms(p99Ms)));
  }
  const { recoverySecondsMax, driftMax, breaksAtP99Ms } = scenario;
  if (recoverySecondsMax !== undefined) {
    const seconds = outcome.recoveryS ?? Number.POSITIVE_INFINITY;
    const held = seconds <= recoverySecondsMax;
    verdicts.push(check(`all back within ${recoverySecondsMax} s`, held, `${seconds.toFixed(2)} s`));
  }
  if (driftMax !== undefined) {
    const [first, last] = ends(ledger);
    // Below a millisecond it is noise.
    verdicts.push(
      check(
        `p99 grows at most ${driftMax}-fold`,
        last <= Math.max(1, first) * driftMax,
        `${ms(first)} → ${ms(last)}`,
      ),
    );
  }
  if (breaksAtP99Ms !== undefined) {
    const at = outcome.brokeAt;
    const found =
      at === null
        ? 'it never broke: raise --rate'
        : `at ${at.perSecond}/s, with this generator late by ${ms(at.generatorLateMs)}`;
    verdicts.push(check('the breaking point was found', at !== null, found));
  }
  return verdicts;
}

/** Median p99 of the seconds in the first and in the last tenth. */
function ends({ seconds }: Ledger): readonly [number, number] {
  const tenth = Math.max(1, Math.floor(seconds.length / 10));
  const median = (part: readonly { readonly p99Ms: number }[]) =>
    part.map(({ p99Ms }) => p99Ms).sort((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
  return [median(seconds.slice(0, tenth)), median(seconds.slice(-tenth))];
}

function check(threshold: string, held: boolean, found: string): Verdict {
  return { held, threshold, found };
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
