import { beforeEach, describe, expect, test } from 'vitest';
import { createMetrics, type Metrics } from '../../../src/ops/metrics/metrics.ts';
import { Latency } from '../../../src/relay/outbound/latency.ts';

const STORED_MS = 1_800_000_000_000;
const id = (offsetMs: number) => `${(STORED_MS + offsetMs) * 1000}-tag`;

let metrics: Metrics;
let nowMs: number;
let latency: Latency;

beforeEach(() => {
  metrics = createMetrics();
  nowMs = 0;
  latency = new Latency({ metrics, now: () => nowMs, clock: () => STORED_MS + nowMs }, id(-1));
});

const samples = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

describe('the latency of an envelope', () => {
  test('runs from storing, by its id, to the push, and from there to its confirmation', () => {
    nowMs = 20;
    latency.pushed(id(0));
    nowMs = 23;
    latency.confirmed(id(0));
    expect(metrics.acceptToPushSeconds.sum).toBeCloseTo(0.0205, 6);
    expect(metrics.pushToConfirmSeconds.sum).toBeCloseTo(0.003, 6);
  });

  test('is measured for one in flight at a time, and ends with a receipt that covers it', () => {
    latency.pushed(id(0));
    latency.pushed(id(1));
    latency.pushed(id(2));
    latency.confirmed(id(2));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(1);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
    latency.pushed(id(3));
    latency.confirmed(id(2));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(2);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
  });

  test('leaves out the time from storing if the envelope waited for its reader', () => {
    latency.pushed(id(-1));
    latency.confirmed(id(-1));
    expect(samples(metrics.acceptToPushSeconds.counts)).toBe(0);
    expect(samples(metrics.pushToConfirmSeconds.counts)).toBe(1);
  });

  test('is never below 0, even if the clock of the store runs ahead', () => {
    latency.pushed(id(500));
    expect(metrics.acceptToPushSeconds.sum).toBe(0);
    expect(metrics.acceptToPushSeconds.counts[0]).toBe(1);
  });
});
