import { describe, expect, it } from 'vitest';
import { TakeoverDamping } from '../../../src/relay/limits/takeover-damping.ts';

function bench(free: number) {
  let nowMs = 1_000;
  const damping = new TakeoverDamping({ free, now: () => nowMs });
  const displace = (times: number, code = 'ALICE00') => {
    for (let time = 0; time < times; time += 1) damping.displaced(code);
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { damping, displace, pass };
}

describe('devices that displace each other', () => {
  it('cost nothing until there have been too many without a pause', () => {
    const { damping, displace } = bench(3);
    displace(3);
    expect(damping.waitMs('ALICE00')).toBe(0);
    displace(1);
    expect(damping.waitMs('ALICE00')).toBe(1_000);
  });

  it('must wait twice as long each time, up to a minute', () => {
    const { damping, displace, pass } = bench(1);
    displace(1);
    const waits = Array.from({ length: 8 }, () => {
      displace(1);
      const waitMs = damping.waitMs('ALICE00');
      pass(waitMs);
      expect(damping.waitMs('ALICE00')).toBe(0);
      return waitMs;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('are forgiven after two quiet minutes', () => {
    const { damping, displace, pass } = bench(2);
    displace(5);
    pass(120_000);
    displace(2);
    expect(damping.waitMs('ALICE00')).toBe(0);
  });

  it('do not delay other users', () => {
    const { damping, displace } = bench(1);
    displace(5);
    expect(damping.waitMs('BOB0000')).toBe(0);
  });

  it('are not delayed while the limit is off', () => {
    const { damping, displace } = bench(0);
    displace(1_000);
    expect(damping.waitMs('ALICE00')).toBe(0);
  });

  it('do not cost memory without bound', () => {
    const { damping, displace } = bench(1);
    displace(2, 'first');
    for (let user = 0; user < 10_000; user += 1) displace(2, `user ${user}`);
    expect(damping.waitMs('first')).toBe(0);
    expect(damping.waitMs('user 9999')).toBe(1_000);
  });

  it('are forgotten by a sweep once they are quiet, and only then', () => {
    const { damping, displace, pass } = bench(1);
    displace(8, 'old');
    pass(61_000);
    displace(8, 'new');
    pass(59_000);
    damping.sweep();
    expect(damping.waitMs('new')).toBe(1_000);
    displace(1, 'old');
    expect(damping.waitMs('old')).toBe(0);
  });
});
