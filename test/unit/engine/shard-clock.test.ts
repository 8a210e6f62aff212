import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ShardClock } from '../../../src/engine/redis/connection/clock.ts';

const EPOCH_US = 1_800_000_000_000_000;
let nowMs: number;
let clock: ShardClock;

/** Redis' clock, `offsetMs` after the epoch above plus the monotonic time. */
const observe = (offsetMs: number) => clock.observe(EPOCH_US + (nowMs + offsetMs) * 1000, nowMs, nowMs);
const us = (text: string) => Number(text) - EPOCH_US;

beforeEach(() => {
  nowMs = 100_000;
  clock = new ShardClock();
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});

describe("the estimate of a shard's time", () => {
  it('follows the monotonic clock from the last answer on', () => {
    observe(0);
    nowMs += 500;
    expect(us(clock.us(250))).toBe(100_750_000);
    expect(us(clock.usAt(100_100, 1_000))).toBe(101_100_000);
  });

  it('says nothing about times before the first answer', () => {
    observe(0);
    expect(clock.usAt(99_999, 60_000)).toBe('0');
  });

  it('says nothing about times before a jump: the machine was suspended, or the clock was set forward', () => {
    observe(0);
    nowMs += 10_000;
    observe(125_000);
    expect(clock.usAt(105_000, 60_000)).toBe('0');
    nowMs += 1;
    expect(us(clock.usAt(nowMs, 0))).toBe(235_001_000);
  });

  it('is not disturbed by the error of a measurement, nor by a clock that is set back', () => {
    observe(0);
    nowMs += 10_000;
    observe(400);
    observe(-5_000);
    expect(us(clock.usAt(105_000, 0))).toBe(100_000_000);
  });
});
