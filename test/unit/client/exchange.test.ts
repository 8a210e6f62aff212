import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  NO_EXCHANGE,
  REKEY_AFTER_MESSAGES,
  REKEY_AFTER_MS,
  wantsRequest,
} from '../../../src/client/keys/exchange.ts';
import { halt, sendingSession } from '../../../src/client/keys/sessions.ts';

import { fresh, honestStep, Pair, play, who } from '../../support/keys/exchange-sides.ts';

describe('whoever asks, and whenever frames arrive, in order and none lost', () => {
  test.each([{ registered: false }, { registered: true }])(
    'every message opens, no counter is skipped, and both end with the same keys (%o)',
    ({ registered }) => {
      fc.assert(
        fc.property(fc.array(honestStep, { maxLength: 40 }), (steps) => {
          const pair = new Pair({ registered });
          for (const step of steps) play(pair, step);
          pair.drain();
          expect(pair.large.opened).toEqual(pair.small.sealed);
          expect(pair.small.opened).toEqual(pair.large.sealed);
          expect(pair.small.missed + pair.large.missed).toBe(0);
          expect(new Set(pair.small.sealed).size).toBe(pair.small.sealed.length);
          // A word each way, and both use the same exchange.
          if (sendingSession(pair.small.state) === undefined) pair.send(pair.small, pair.small.ask());
          pair.drain();
          for (const side of [pair.small, pair.large, pair.small]) {
            pair.send(side, side.say());
            pair.drain();
          }
          expect(sendingSession(pair.small.state)?.sendKey).toBe(
            sendingSession(pair.large.state)?.receiveKey,
          );
          expect(sendingSession(pair.small.state)?.id).toBe(sendingSession(pair.large.state)?.id);
        }),
        { numRuns: 150, seed: 1 },
      );
    },
  );

  test('of two requests that cross, that of the smaller code stands', () => {
    const pair = new Pair();
    const ours = pair.small.ask();
    pair.send(pair.small, ours);
    pair.send(pair.large, pair.large.ask());
    pair.drain();
    expect(sendingSession(pair.small.state)?.role).toBe('initiator');
    expect(sendingSession(pair.large.state)?.role).toBe('responder');
    expect(sendingSession(pair.large.state)?.id).toBe(ours.kind === 'request' ? ours.id : '');
    expect(pair.large.state.pending).toEqual([]);
  });

  test('who was asked can write before the other is back', () => {
    const pair = new Pair();
    pair.send(pair.large, pair.large.ask());
    pair.deliver(pair.small);
    pair.send(pair.small, pair.small.say());
    pair.drain();
    expect(pair.large.opened).toEqual(pair.small.sealed);
  });

  test('the old keys stay in use until the other side is known to have the new ones', () => {
    const pair = new Pair();
    pair.send(pair.small, pair.small.ask());
    pair.drain();
    const old = sendingSession(pair.large.state);
    pair.send(pair.small, pair.small.ask());
    pair.deliver(pair.large);
    expect(sendingSession(pair.large.state)?.id).toBe(old?.id);
    pair.drain();
    expect(sendingSession(pair.large.state)?.id).not.toBe(old?.id);
    expect(pair.large.state.sessions).toHaveLength(1);
  });
});

test('registered keys give the same keys again: all exchanges of them count together', () => {
  const pair = new Pair({ registered: true });
  pair.send(pair.small, pair.small.ask());
  pair.drain();
  pair.send(pair.small, pair.small.ask());
  pair.deliver(pair.large);
  // The new exchange is not proven yet: this goes under the old one, and uses its counter up.
  pair.send(pair.large, pair.large.say());
  pair.drain();
  pair.send(pair.large, pair.large.say());
  pair.drain();
  expect(new Set(pair.large.sealed).size).toBe(2);
  expect(pair.small.opened).toEqual(pair.large.sealed);
});

describe('whatever a relay replays, drops, reorders or turns back', () => {
  const hostileStep = fc.oneof(
    { weight: 4, arbitrary: honestStep },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('drop' as const), who }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('swap' as const), who }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('replay' as const), who, which: fc.nat() }) },
  );

  test.each([{ registered: false }, { registered: true }])(
    'nothing opens twice, no counter is used twice under one key, and honest delivery mends it (%o)',
    ({ registered }) => {
      fc.assert(
        fc.property(fc.array(hostileStep, { maxLength: 50 }), (steps) => {
          const pair = new Pair({ registered });
          for (const step of steps) {
            const side = step.who === 'small' ? pair.small : pair.large;
            const queue = pair.to(side);
            try {
              if (step.does === 'drop') queue.shift();
              else if (step.does === 'swap') queue.reverse();
              else if (step.does === 'replay') {
                // A signature shows who wrote a frame: it can be repeated to the other, not turned back.
                const known = pair.everSent.filter(({ from }) => from !== side.code);
                const again = known[step.which % Math.max(1, known.length)];
                if (again !== undefined) queue.unshift(again);
              } else play(pair, step);
            } catch (error) {
              expect(String(error)).toMatch(/unreadable|repeated/);
            }
          }
          for (const side of [pair.small, pair.large]) {
            expect(new Set(side.sealed).size).toBe(side.sealed.length);
            expect(new Set(side.opened).size).toBe(side.opened.length);
            for (const each of side.opened) expect(pair.other(side).sealed).toContain(each);
          }
          pair.to(pair.small).length = 0;
          pair.to(pair.large).length = 0;
          // Pending requests that the relay swallowed have run out.
          for (const each of [pair.small, pair.large]) each.nowMs += 8 * 86_400_000;
          pair.send(pair.large, pair.large.ask());
          pair.drain();
          for (const side of [pair.small, pair.large]) {
            pair.send(side, side.say());
            pair.drain();
          }
          expect(pair.small.opened.at(-1)).toBe(pair.large.sealed.at(-1));
          expect(pair.large.opened.at(-1)).toBe(pair.small.sealed.at(-1));
        }),
        { numRuns: 150, seed: 2 },
      );
    },
  );

  test('a request seen before is not answered again', () => {
    const pair = new Pair();
    const asked = pair.small.ask();
    expect(pair.large.hear(asked)).toHaveLength(1);
    expect(pair.large.hear(asked)).toEqual([]);
    expect(pair.large.state.sessions).toHaveLength(1);
  });

  test('our own exchange key, sent back to us, gives no session', () => {
    const pair = new Pair();
    const asked = pair.small.ask();
    const publicKey = asked.kind === 'request' ? asked.publicKey : '';
    const id = asked.kind === 'request' ? asked.id : '';
    expect(pair.small.hear({ kind: 'acknowledgement', from: 'BBBBBBB', inReplyTo: id, publicKey })).toEqual(
      [],
    );
    expect(pair.small.hear({ kind: 'request', from: 'BBBBBBB', id: 'f'.repeat(64), publicKey })).toEqual([]);
    expect(pair.small.state.sessions).toEqual([]);
  });

  test('a key that makes an all-zero secret gives no session', () => {
    const pair = new Pair();
    const asked = pair.small.ask();
    const zero = '0'.repeat(64);
    const id = asked.kind === 'request' ? asked.id : '';
    expect(
      pair.small.hear({ kind: 'acknowledgement', from: 'BBBBBBB', inReplyTo: id, publicKey: zero }),
    ).toEqual([]);
    expect(
      pair.large.hear({ kind: 'request', from: 'AAAAAAA', id: 'e'.repeat(64), publicKey: zero }),
    ).toEqual([]);
    expect([...pair.small.state.sessions, ...pair.large.state.sessions]).toEqual([]);
  });

  test('an answer to no pending request is ignored', () => {
    const pair = new Pair();
    const { publicKey } = fresh();
    pair.small.ask();
    pair.small.hear({ kind: 'acknowledgement', from: 'BBBBBBB', inReplyTo: 'a'.repeat(64), publicKey });
    expect(pair.small.state.sessions).toEqual([]);
  });

  test('a flood of requests does not push out the keys in use, and stays within bounds', () => {
    const pair = new Pair();
    pair.send(pair.large, pair.large.ask());
    pair.drain();
    const used = sendingSession(pair.small.state)?.id;
    for (let n = 0; n < 50; n++) pair.small.hear(pair.large.ask());
    expect(sendingSession(pair.small.state)?.id).toBe(used);
    expect(pair.small.state.sessions.length).toBeLessThanOrEqual(10);
    expect(pair.large.state.pending.length).toBeLessThanOrEqual(8);
  });
});

describe('new keys are asked for', () => {
  const agreed = () => {
    const pair = new Pair();
    pair.send(pair.small, pair.small.ask());
    pair.drain();
    return pair.small.state;
  };

  test('at the first word, and not again while that request waits', () => {
    const pair = new Pair();
    expect(wantsRequest(NO_EXCHANGE, 0)).toBe(true);
    pair.small.ask();
    expect(wantsRequest(pair.small.state, 0)).toBe(false);
    expect(wantsRequest(pair.small.state, REKEY_AFTER_MS)).toBe(true);
  });

  test('after a day', () => {
    expect(wantsRequest(agreed(), REKEY_AFTER_MS - 1)).toBe(false);
    expect(wantsRequest(agreed(), REKEY_AFTER_MS)).toBe(true);
  });

  test('after so many messages', () => {
    const state = agreed();
    const worn = {
      ...state,
      sessions: state.sessions.map((each) => ({ ...each, sent: REKEY_AFTER_MESSAGES })),
    };
    expect(wantsRequest(worn, 0)).toBe(true);
  });

  test('when the other has lost its state, and nothing is sent under the old ones meanwhile', () => {
    const pair = new Pair();
    pair.send(pair.small, pair.small.ask());
    pair.drain();
    pair.small.state = halt(pair.small.state);
    expect(pair.small.say()).toBeNull();
    pair.large.state = NO_EXCHANGE;
    pair.send(pair.small, pair.small.ask());
    pair.drain();
    pair.send(pair.large, pair.large.say());
    pair.drain();
    expect(pair.small.opened.at(-1)).toBe(pair.large.sealed.at(-1));
  });
});
