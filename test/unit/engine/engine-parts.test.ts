import { describe, expect, it, vi } from 'vitest';
import { formatCreatedAt } from '../../../src/engine/created-at.ts';
import { isAfter, isMailboxId } from '../../../src/engine/mailbox-id.ts';
import { redirection } from '../../../src/engine/redis/cluster/router.ts';
import { slotOf } from '../../../src/engine/redis/cluster/slots.ts';
import { parseDeployment } from '../../../src/engine/redis/connection/address.ts';
import { RedisError } from '../../../src/engine/redis/connection/reply.ts';
import { keysBesideRecipient, userKey } from '../../../src/engine/redis/schema.ts';
import { loadScripts } from '../../../src/engine/redis/scripts.ts';
import { TimingWheel } from '../../../src/engine/redis/wakeups/timing-wheel.ts';
import { parseMessage } from '../../../src/engine/redis/wakeups/wake-up.ts';
import { LIMITS } from '../../engine/backends.ts';

describe('the slot of a key', () => {
  it('is that of the Redis Cluster specification', () => {
    // CRC16 of 123456789 is 0x31C3, as the specification's reference implementation says.
    expect(slotOf('123456789')).toBe(0x31c3 % 16_384);
    expect(slotOf('foo')).toBe(12_182);
    expect(slotOf('user:{E011T7D}')).toBe(slotOf('E011T7D'));
    expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'));
    expect(slotOf('{user:next-id}:claimed')).toBe(slotOf('user:next-id'));
  });
});

describe('mailbox ids', () => {
  it('are ordered by number, not by text, however long', () => {
    expect(isAfter('10-0', '9-5')).toBe(true);
    expect(isAfter('9-5', '10-0')).toBe(false);
    expect(isAfter('10-7', '10-3')).toBe(false);
    expect(isAfter(`${'9'.repeat(30)}-0`, `${'9'.repeat(29)}-0`)).toBe(true);
  });

  it('have one shape', () => {
    expect(isMailboxId('1795455892426299-729289')).toBe(true);
    for (const text of ['', '-', '1', '1-', '-1', '1-1 ', '$', '+', '1-1-1', `${'9'.repeat(17)}-1`]) {
      expect(isMailboxId(text)).toBe(false);
    }
  });
});

describe('the time of a registration', () => {
  it('has six decimals, whatever they are', () => {
    expect(formatCreatedAt(1_743_018_338_204_489)).toBe('2025-03-26T19:45:38.204489Z');
    expect(formatCreatedAt(1_743_018_338_000_000)).toBe('2025-03-26T19:45:38.000000Z');
    expect(formatCreatedAt(1_743_018_338_204_009)).toBe('2025-03-26T19:45:38.204009Z');
  });
});

describe('a redirection', () => {
  it('names a server, by itself or as that of the server that answered', () => {
    const from = { address: { host: 'a', port: 1 } };
    const to = (target: string) => redirection(new RedisError(`MOVED 15495 ${target}`), from);
    expect(to('10.0.0.2:6381')).toEqual({ host: '10.0.0.2', port: 6381 });
    expect(to('fd00::2:6381')).toEqual({ host: 'fd00::2', port: 6381 });
    expect(to(':6381')).toEqual({ host: 'a', port: 6381 });
    // With `cluster-preferred-endpoint-type hostname` and no `cluster-announce-hostname`.
    expect(to('?:6381')).toEqual({ host: 'a', port: 6381 });
  });
});

describe('a Redis URL', () => {
  it('has a password with any signs in it, as they are or percent-encoded', () => {
    const access = { tls: false, username: 'relay', password: 'p:w:' };
    expect(parseDeployment(['redis://relay:p:w:@a'])).toMatchObject({ access });
    expect(parseDeployment(['redis+sentinel://relay:p:w:@a/mymaster'])).toMatchObject({ access });
    expect(parseDeployment(['redis+sentinel://relay:p%3aw%3A@a/mymaster'])).toMatchObject({ access });
    for (const url of [
      'redis://:50%@a',
      'redis+sentinel://:50%@a/m',
      'redis+sentinel://a/m?sentinel_password=50%',
    ])
      expect(() => parseDeployment([url])).toThrow(/a % is written %25/);
  });

  it('names servers, or sentinels and their master', () => {
    expect(parseDeployment(['redis://a', 'redis://[::1]:7000'])).toEqual({
      kind: 'servers',
      access: { tls: false, username: null, password: null },
      seeds: [
        { host: 'a', port: 6379 },
        { host: '::1', port: 7000 },
      ],
    });
    expect(parseDeployment(['rediss://relay:p%40ss@a:1'])).toMatchObject({
      access: { tls: true, username: 'relay', password: 'p@ss' },
    });
    expect(parseDeployment(['redis+sentinel://:pw@a,b:2/mymaster'])).toEqual({
      kind: 'sentinel',
      access: { tls: false, username: null, password: 'pw' },
      sentinelAccess: { tls: false, username: null, password: null },
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 2 },
      ],
      masterName: 'mymaster',
    });
    const options = 'sentinel_user=s%40&sentinel_password=p%26%3D&sentinel_tls=no';
    expect(parseDeployment([`rediss+sentinel://u:pw@a/m?${options}`])).toMatchObject({
      access: { tls: true, username: 'u', password: 'pw' },
      sentinelAccess: { tls: false, username: 's@', password: 'p&=' },
    });
    expect(parseDeployment(['rediss+sentinel://a/m'])).toMatchObject({ sentinelAccess: { tls: true } });
    for (const wrong of ['password=x', 'sentinel_tls=1', 'sentinel_user='])
      expect(() => parseDeployment([`redis+sentinel://a/m?${wrong}`])).toThrow(/no other options than/);
  });
});

describe('a message on a mailbox channel', () => {
  it('is a wake-up with exactly the bytes behind the first line, or a claim', () => {
    const frame = Buffer.from([0, 10, 255, 119, 10]);
    expect(parseMessage(Buffer.concat([Buffer.from('w12-3 11-2\n'), frame]))).toEqual({
      kind: 'wake-up',
      wakeUp: { id: '12-3', prev: '11-2', frame },
    });
    expect(parseMessage(Buffer.from(`c${'0a'.repeat(16)}`))).toEqual({
      kind: 'claimed',
      token: '0a'.repeat(16),
    });
    expect(parseMessage(Buffer.from('w12-3 11-2'))).toBeNull();
    expect(parseMessage(Buffer.from('c0a'))).toBeNull();
    expect(parseMessage(Buffer.of())).toBeNull();
  });
});

describe('the timing wheel', () => {
  it('fires each alarm within 250 ms of its time, also beyond one turn, and never after it is cancelled', () => {
    vi.useFakeTimers();
    const rung: [string, number][] = [];
    const startMs = performance.now();
    const wheel = new TimingWheel<string>((item) => rung.push([item, performance.now() - startMs]));
    const delays = [0, 250, 1_000, 39_900, 50_000, 50_250, 120_000];
    for (const delayMs of delays) wheel.schedule(`${delayMs}`, delayMs);
    wheel.schedule('never', 2_000).cancelled = true;
    vi.advanceTimersByTime(130_000);
    expect(rung.map(([item]) => Number(item))).toEqual(delays);
    for (const [item, atMs] of rung) expect(Math.abs(atMs - Number(item))).toBeLessThanOrEqual(250);
    wheel.schedule('after', 250);
    wheel.stop();
    vi.advanceTimersByTime(1_000);
    expect(rung).toHaveLength(delays.length);
    vi.useRealTimers();
  });
});

describe('the Lua scripts', () => {
  const scripts = Object.values(loadScripts(LIMITS));

  it('declare one key and use no other by its number', () => {
    for (const { name, source } of scripts) {
      const used = [...source.toString().matchAll(/KEYS\[(\d+)\]/g)].map(([, number]) => Number(number));
      expect([name, ...new Set(used)]).toEqual([name, 1]);
    }
  });

  it('derive no key that the schema does not list: the node must know them while a slot is moving', () => {
    const listed = new Set([...keysBesideRecipient('X', 'S'), userKey('X')].map((key) => key.split(':')[0]));
    for (const { name, source } of scripts) {
      const derived = [...source.toString().matchAll(/key_of\('([\w-]+)'\)/g)].map(([, prefix]) => prefix);
      expect([name, derived.filter((prefix) => !listed.has(prefix))]).toEqual([name, []]);
    }
  });

  it('declare flags: a full Redis refuses only those that store, make room for a user, or add to what a user has set', () => {
    const refused = scripts.filter(({ source }) => source.toString().startsWith('#!lua\n'));
    expect(refused.map(({ name }) => name).sort()).toEqual([
      'accounts/rotate',
      'create',
      'deliver',
      'invitations/create',
      'invitations/take',
      'operators/report',
      'people/acquaint',
      'people/block',
      'people/policy',
      'prekeys/claim',
      'prekeys/publish',
      'push/subscribe',
      'reserve',
    ]);
    for (const { name, source } of scripts) {
      expect([name, source.toString().split('\n')[0]]).toEqual([
        name,
        expect.stringMatching(/^#!lua( flags=(allow-oom|no-writes))?$/),
      ]);
    }
  });

  it('document every numbered argument', () => {
    for (const { name, source } of scripts) {
      const text = source.toString();
      const read = new Set([...text.matchAll(/[^-] *ARGV\[(\d+)\]/g)].map(([, number]) => Number(number)));
      const documented = new Set(
        [...text.matchAll(/^-- ARGV\[(\d+)\]/gm)].map(([, number]) => Number(number)),
      );
      expect([name, ...[...read].sort((a, b) => a - b)]).toEqual([
        name,
        ...[...documented].sort((a, b) => a - b),
      ]);
    }
  });
});
