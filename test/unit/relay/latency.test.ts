import { beforeEach, describe, expect, test } from 'vitest';
import { createMetrics, type Metrics } from '../../../src/ops/metrics.ts';
import { Latency } from '../../../src/relay/outbound/latency.ts';

const STORED_MS = 1_800_000_000_000;
const id = (offsetMs: number) => `${(STORED_MS + offsetMs) * 1000}-tag`;

let metrics: Metrics;
let nowMs: number;
let delays: Latency;

beforeEach(() => {
  metrics = createMetrics();
  nowMs = 0;
  delays = new Latency({
    metrics,
    loginLast: id(-1),
    now: () => nowMs,
    clock: () => STORED_MS + nowMs,
  });
});

const samples = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

describe('the delay of an envelope', () => {
  test('is from its storing, as its id says, to the push, and from there to its confirmation', () => {
    nowMs = 20;
    delays.pushed(id(0));
    nowMs = 23;
    delays.confirmed(id(0));
    expect(metrics.acceptToPushSeconds.sum).toBeCloseTo(0.0205, 6);
    expect(metrics.pushToConfirmSeconds.sum).toBeCloseTo(0.003, 6);
  });

  test('is measured for one in flight at a time, and ends with a receipt that covers it', () => {
    delays.pushed(id(0));
    delays.pushed(id(1));
    delays.pushed(id(2));
    delays.confirmed(id(2));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(1);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
    delays.pushed(id(3));
    delays.confirmed(id(2));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(2);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
  });

  test('says nothing of storing where the envelope waited for its reader', () => {
    delays.pushed(id(-1));
    delays.confirmed(id(-1));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(0);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
  });

  test('is never below 0, though the clock of the store runs ahead', () => {
    delays.pushed(id(500));
    expect(metrics.acceptToPushSeconds.sum).toBe(0);
    expect(metrics.acceptToPushSeconds.counts[0]).toBe(1);
  });
});
