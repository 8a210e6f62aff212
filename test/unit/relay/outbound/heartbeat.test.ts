import { describe, expect, it } from 'vitest';
import type { Batched } from '../../../../src/relay/context/batcher.ts';
import { Heartbeat } from '../../../../src/relay/outbound/heartbeat.ts';

const KIB = 1024;

function setup(more: { readonly receipts?: boolean; readonly sendPing?: () => boolean } = {}) {
  const { receipts = true, sendPing = () => true } = more;
  const clock = { ms: 0 };
  const pings: string[] = [];
  const config = {
    windowEnvelopes: 256,
    windowBytes: 1024 * KIB,
    pingIntervalMs: 20_000,
    pongTimeoutMs: 30_000,
  };
  const socket = {
    ping: (payload: string) => {
      const sent = sendPing();
      if (sent) pings.push(payload);
      return sent;
    },
  };
  /** What waits for its time. */
  const waiting = new Map<Batched, number>();
  const batcher = {
    join: (batched: Batched, earliestMs: number) => void waiting.set(batched, earliestMs),
    leave: (batched: Batched) => void waiting.delete(batched),
  };
  const heartbeat = new Heartbeat({ config, now: () => clock.ms, batcher }, socket, receipts);
  /** Pushes envelopes in one tick. */
  const push = (...ids: string[]) => {
    for (const id of ids) heartbeat.pushed(id, 300);
    heartbeat.ask(false);
  };
  return { clock, pings, waiting, heartbeat, push };
}

const receipt = (id: string) => ({ kind: 'receipt', id });

describe('receipts', () => {
  it('are asked for once a tick, with the newest id', () => {
    const { push, pings } = setup();
    push('1-a', '2-b', '3-c');
    expect(pings).toEqual(['3-c']);
  });

  it('are counted once, for an id that a ping has carried', () => {
    const { heartbeat, push } = setup();
    push('1-a', '2-b');
    expect(heartbeat.pong('2-b')).toEqual(receipt('2-b'));
    expect(heartbeat.pong('2-b')).toEqual({ kind: 'alive' });
    expect(heartbeat.pong('1-a')).toEqual({ kind: 'foreign' });
  });

  it('do not come from an id that no ping has carried', () => {
    const { heartbeat, push } = setup();
    push('1-a');
    for (const payload of ['9-z', '', '1-b', '$', '+', '1-a '])
      expect(heartbeat.pong(payload)).toEqual({ kind: 'foreign' });
    expect(heartbeat.pong('1-a')).toEqual(receipt('1-a'));
  });

  it('of a stream are asked for every 50 ms, after the first eight, and for its last envelope too', () => {
    const { heartbeat, push, pings, waiting, clock } = setup();
    for (let n = 0; n < 30; n += 1) {
      clock.ms = 10 * n;
      push(`${n}-x`);
      heartbeat.pong(pings.at(-1) ?? '');
    }
    const first = Array.from({ length: 9 }, (_, n) => `${n}-x`);
    expect(pings).toEqual([...first, '10-x', '15-x', '20-x', '25-x']);
    expect([...waiting]).toEqual([[heartbeat, 300]]);
    heartbeat.due();
    heartbeat.due();
    expect(pings.at(-1)).toBe('29-x');
    expect(pings.length).toBe(14);
    heartbeat.end();
    expect(waiting.size).toBe(0);
  });

  it('are asked for at once if nothing can be pushed before they come', () => {
    const { heartbeat, push, pings } = setup();
    for (let n = 0; n < 9; n += 1) {
      push(`${n}-x`);
      heartbeat.pong(`${n}-x`);
    }
    expect(pings.length).toBe(8);
    heartbeat.ask(true);
    expect(pings.at(-1)).toBe('8-x');
  });

  it('are asked for again only after the last has come: many pings at once look like an attack', () => {
    const { heartbeat, push, pings, clock } = setup();
    push('1-a');
    for (let n = 2; n < 20; n += 1) {
      clock.ms += 100;
      push(`${n}-x`);
    }
    expect(pings).toEqual(['1-a']);
    expect(heartbeat.pong('1-a')).toEqual(receipt('1-a'));
    heartbeat.ask(false);
    expect(pings).toEqual(['1-a', '19-x']);
    clock.ms += 100;
    expect(heartbeat.pong('19-x')).toEqual(receipt('19-x'));
    heartbeat.ask(false);
    expect(pings).toEqual(['1-a', '19-x']);
  });

  it('are asked for early after an eighth of the envelopes of the window', () => {
    const { heartbeat, push, pings, clock } = setup();
    push('0-x');
    for (let n = 1; n < 256; n += 1) push(`${n}-x`);
    expect(pings).toEqual(['0-x', '32-x', '64-x', '96-x', '128-x', '160-x', '192-x', '224-x']);
    expect(heartbeat.pong('96-x')).toEqual(receipt('96-x'));
    expect(heartbeat.pong('64-x')).toEqual({ kind: 'foreign' });
    expect(heartbeat.pong('224-x')).toEqual(receipt('224-x'));
    clock.ms = 50;
    heartbeat.ask(false);
    expect(pings.at(-1)).toBe('255-x');
  });

  it('are asked for every 26 KiB of a long page, with at most 49 outstanding', () => {
    const { heartbeat, pings } = setup();
    for (let n = 0; n < 255; n += 1) heartbeat.pushed(`${n}-x`, 4.2 * KIB);
    heartbeat.ask(false);
    expect(pings.slice(0, 3)).toEqual(['6-x', '13-x', '20-x']);
    expect(pings.length).toBeLessThan(49);
  });

  it('may come for an older ping first', () => {
    const { heartbeat, push, clock } = setup();
    for (let n = 0; n < 64; n += 1) push(`${n}-x`);
    clock.ms = 29_000;
    expect(heartbeat.pong('0-x')).toEqual(receipt('0-x'));
    clock.ms = 50_000;
    expect(heartbeat.tick()).toBe(true);
    clock.ms = 59_002;
    expect(heartbeat.tick()).toBe(false);
  });

  it('are not asked for with protocol 2', () => {
    const { heartbeat, push, pings, clock } = setup({ receipts: false });
    for (let n = 0; n < 64; n += 1) push(`${n}-x`);
    expect(pings).toEqual([]);
    clock.ms = 20_000;
    heartbeat.tick();
    expect(pings).toEqual(['63-x']);
    expect(heartbeat.pong('63-x')).toEqual({ kind: 'alive' });
  });
});

describe('liveness', () => {
  it('is checked with the last id, so that a pending receipt is not swallowed', () => {
    const { heartbeat, push, pings, clock } = setup();
    push('1-a');
    clock.ms = 20_000;
    expect(heartbeat.tick()).toBe(true);
    expect(pings).toEqual(['1-a', '1-a']);
    expect(heartbeat.pong('1-a')).toEqual(receipt('1-a'));
  });

  it('also asks for a receipt of what was pushed meanwhile', () => {
    const { heartbeat, push, pings, clock } = setup();
    push('1-a');
    push('2-b');
    clock.ms = 20_000;
    heartbeat.tick();
    expect(pings).toEqual(['1-a', '2-b']);
    expect(heartbeat.pong('2-b')).toEqual(receipt('2-b'));
  });

  it('ends after 30 s without an answer, and not before', () => {
    const { heartbeat, push, clock } = setup();
    push('1-a');
    clock.ms = 30_000;
    expect(heartbeat.tick()).toBe(true);
    clock.ms = 30_001;
    expect(heartbeat.tick()).toBe(false);
  });

  it('is shown by a pong even if more was pushed since its ping', () => {
    const { heartbeat, push, pings, clock } = setup({ receipts: false });
    push('1-a');
    clock.ms = 20_000;
    heartbeat.tick();
    push('2-b');
    expect(pings).toEqual(['1-a']);
    expect(heartbeat.pong('1-a')).toEqual({ kind: 'alive' });
    clock.ms = 51_000;
    expect(heartbeat.tick()).toBe(true);
  });

  it('is shown by a client that reads but has not reached the ping yet', () => {
    const { heartbeat, push, clock } = setup();
    push('1-a');
    clock.ms = 29_000;
    heartbeat.alive();
    clock.ms = 58_000;
    heartbeat.drained();
    clock.ms = 87_000;
    expect(heartbeat.tick()).toBe(true);
    clock.ms = 88_001;
    expect(heartbeat.tick()).toBe(false);
  });
});

describe('a ping that could not be sent', () => {
  it('is owed until the socket has drained, and then carries the newest id', () => {
    let open = false;
    const { heartbeat, push, pings } = setup({ sendPing: () => open });
    push('1-a');
    push('2-b');
    expect(pings).toEqual([]);
    open = true;
    heartbeat.drained();
    heartbeat.drained();
    expect(pings).toEqual(['2-b']);
    expect(heartbeat.pong('1-a')).toEqual({ kind: 'foreign' });
    expect(heartbeat.pong('2-b')).toEqual(receipt('2-b'));
  });

  it('counts as sent: a client that never reads again is closed', () => {
    const { heartbeat, push, clock } = setup({ sendPing: () => false });
    push('1-a');
    clock.ms = 30_001;
    expect(heartbeat.tick()).toBe(false);
  });
});
