import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../loadtest/scenarios/drive.ts';
import { Ledger } from '../../../loadtest/scenarios/ledger.ts';
import { SCENARIOS, type Scenario } from '../../../loadtest/scenarios/plan.ts';
import { judge } from '../../../loadtest/scenarios/verdict.ts';

const SCENARIO: Scenario = {
  about: 'one stage',
  stages: [{ name: 'only', seconds: 1, from: 1, to: 1, p99MsMax: 100 }],
  refusedShareMax: 0.1,
};
const CALM: Outcome = { recoveryS: null, brokeAt: null };

/** 100 envelopes, all received after 5 ms unless told otherwise. */
function ledger(received: number, latencyMs = 5): Ledger {
  const counted = new Ledger(SCENARIO.stages);
  for (let n = 0; n < 100; n += 1) counted.due(0);
  for (let n = 0; n < received; n += 1) counted.received(0, latencyMs);
  return counted;
}

function broken(finished: {
  scenario?: Scenario;
  ledger: Ledger;
  missing?: number;
  outcome?: Outcome;
}): string[] {
  return judge({ scenario: SCENARIO, missing: 0, outcome: CALM, ...finished })
    .filter(({ held }) => !held)
    .map(({ threshold }) => threshold);
}

describe('the verdict on a load scenario', () => {
  test('holds when everything arrived in time', () => {
    expect(broken({ ledger: ledger(100) })).toEqual([]);
  });

  test('breaks when something accepted did not arrive', () => {
    expect(broken({ ledger: ledger(99), missing: 1 })).toEqual(['accepted and never received: 0']);
  });

  test('breaks when nobody knows what became of an envelope', () => {
    expect(broken({ ledger: ledger(99) })).toEqual(['neither received nor refused: 0']);
  });

  test('breaks when something came out of order', () => {
    const counted = ledger(100);
    counted.inversions = 1;
    expect(broken({ ledger: counted })).toEqual(['out of order: 0']);
  });

  test('allows refusals up to the bound of the scenario, and no more', () => {
    const counted = ledger(90);
    for (let n = 0; n < 10; n += 1) counted.refused(0, 'rate_limited');
    expect(broken({ ledger: counted })).toEqual([]);
    expect(broken({ ledger: counted, scenario: { ...SCENARIO, refusedShareMax: 0.05 } })).toEqual([
      'refused: at most 5 %',
    ]);
  });

  test('breaks when the 99th percentile is above the bound of its stage', () => {
    const counted = ledger(98);
    for (let n = 0; n < 2; n += 1) counted.received(0, 500);
    expect(broken({ ledger: counted })).toEqual(['p99 of "only": at most 100 ms']);
  });

  test('breaks when nothing was sent at all', () => {
    expect(broken({ ledger: new Ledger(SCENARIO.stages) })).toEqual(['envelopes were sent']);
  });

  test('breaks when not everybody came back', () => {
    const scenario = { ...SCENARIO, recoverySecondsMax: 5 };
    expect(broken({ ledger: ledger(100), scenario })).toEqual(['all back within 5 s']);
    expect(broken({ ledger: ledger(100), scenario, outcome: { ...CALM, recoveryS: 4 } })).toEqual([]);
  });

  test('breaks when a search for the breaking point found none', () => {
    const scenario = { ...SCENARIO, breaksAtP99Ms: 100 };
    expect(broken({ ledger: ledger(100), scenario })).toEqual(['the breaking point was found']);
  });
});

test('every scenario has a bound that can break', () => {
  for (const [name, scenario] of Object.entries<Scenario>(SCENARIOS)) {
    const bounded = scenario.stages.some(({ p99MsMax }) => p99MsMax !== undefined);
    expect(bounded || scenario.breaksAtP99Ms !== undefined, name).toBe(true);
  }
});
