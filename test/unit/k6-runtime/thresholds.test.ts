import { describe, expect, it } from 'vitest';
import { durationMs, printDuration } from '../../../loadtest/k6-runtime/durations.ts';
import { type MetricType, Registry } from '../../../loadtest/k6-runtime/metrics.ts';
import { parseThresholds } from '../../../loadtest/k6-runtime/thresholds.ts';

function holds(type: MetricType, values: readonly number[], expression: string, seconds = 10): boolean {
  const registry = new Registry();
  registry.declare('one', type, 'default');
  const [threshold] = parseThresholds({ one: [expression] }, registry);
  for (const value of values) registry.add('one', value);
  return threshold?.check(seconds).ok ?? false;
}

const HUNDRED = Array.from({ length: 101 }, (_, n) => n);

describe('thresholds', () => {
  it.each<[MetricType, readonly number[], string, boolean]>([
    ['counter', [1, 2, 3], 'count==6', true],
    ['counter', [1, 2, 3], 'count>6', false],
    ['counter', [10, 10], 'rate<=2', true],
    ['counter', [10, 11], 'rate<=2', false],
    ['gauge', [9, 3], 'value<4', true],
    ['rate', [1, 1, 1, 0], 'rate>=0.75', true],
    ['rate', [1, 1, 1, 0], 'rate>0.75', false],
    ['trend', HUNDRED, 'p(95)<=95', true],
    ['trend', HUNDRED, 'p(95) < 95', false],
    ['trend', HUNDRED, 'p(99.9)<100', true],
    ['trend', HUNDRED, 'med==50', true],
    ['trend', HUNDRED, 'avg!=50', false],
    ['trend', HUNDRED, 'max===100', true],
    ['trend', HUNDRED, 'min>0', false],
    ['trend', [1, 2], 'med==1.5', true],
  ])('of a %s', (type, values, expression, expected) => {
    expect(holds(type, values, expression)).toBe(expected);
  });

  it('hold for a metric without a sample', () => {
    expect(holds('trend', [], 'p(99)<1')).toBe(true);
    expect(holds('counter', [], 'count>0')).toBe(true);
  });

  it('of a submetric count only what has its tags', () => {
    const registry = new Registry();
    registry.declare('latency', 'trend', 'time');
    const [after] = parseThresholds({ 'latency{stage:after, relay:a}': ['max<10'] }, registry);
    registry.add('latency', 500, { stage: 'before', relay: 'a' });
    registry.add('latency', 500, { stage: 'after' });
    registry.add('latency', 5, { stage: 'after', relay: 'a', more: 'x' });
    expect(after?.check(1)).toEqual({ ok: true, value: 5 });
  });

  it.each(['p(101)<1', 'p(95)', 'p95<1', 'count<1', 'rate<1', 'max < one', ' '])(
    'that cannot be for a trend are refused: %s',
    (expression) => {
      expect(() => holds('trend', [], expression)).toThrow(expression);
    },
  );

  it('for no metric at all are refused', () => {
    expect(() => parseThresholds({ nothing: ['count>0'] }, new Registry())).toThrow('no such metric');
  });

  it('may abort, after a while', () => {
    const registry = new Registry();
    const long = { threshold: 'count<5', abortOnFail: true, delayAbortEval: '1m' };
    const [threshold] = parseThresholds({ iterations: [long] }, registry);
    expect(threshold).toMatchObject({ abortOnFail: true, delayAbortEvalMs: 60_000 });
  });
});

it('a metric is of one kind', () => {
  const registry = new Registry();
  expect(registry.declare('one', 'trend', 'time')).toBe(registry.declare('one', 'trend', 'time'));
  expect(() => registry.declare('one', 'counter', 'default')).toThrow('trend');
  expect(() => registry.declare('no name', 'counter', 'default')).toThrow('no name');
});

it('durations are read and printed as k6 does', () => {
  expect(['1m30s', '500ms', '1h', '0s', '1.5s'].map(durationMs)).toEqual([90_000, 500, 3_600_000, 0, 1_500]);
  expect(() => durationMs('5 apples')).toThrow('5 apples');
  expect([0, 0.0125, 148.212, 1_200, 125_000].map(printDuration)).toEqual([
    '0s',
    '12.5µs',
    '148.21ms',
    '1.2s',
    '2m5s',
  ]);
});
