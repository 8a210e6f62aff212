import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  NO_EXCHANGE,
  PROOF_AFTER_MS,
  proofDueMs,
  REKEY_AFTER_MESSAGES,
  REKEY_AFTER_MS,
  requestFailed,
  wantsRequest,
} from '../../../../src/client/keys/exchange/exchange.ts';
import { distrust, sendingSession } from '../../../../src/client/keys/messages/sessions.ts';
import {
  type Frame,
  honestStep,
  newKey,
  Pair,
  play,
  type Side,
  who,
} from '../../../support/keys/exchange-sides.ts';

const VERSIONS = [
  { small: 2, large: 2 },
  { small: 1, large: 2 },
  { small: 2, large: 1 },
] as const;

/** A word each way, until both have settled on one exchange. */
function talk(pair: Pair): void {
  for (const side of [pair.small, pair.large, pair.small, pair.large]) {
    if (sendingSession(side.state) === undefined) pair.agree(side);
    pair.send(side, side.say());
    pair.drain();
  }
}

function requestOf(frame: Frame): Extract<Frame, { kind: 'request' }> {
  if (frame.kind !== 'request') throw new Error(frame.kind);
  return frame;
}

describe('requests at any time, from both sides, delivered in order and none lost', () => {
  test.each(VERSIONS)('every message opens, and both end under the same keys (versions %o)', (versions) => {
    fc.assert(
      fc.property(fc.array(honestStep, { maxLength: 60 }), (steps) => {
        const pair = new Pair(versions);
        for (const step of steps) play(pair, step);
        pair.drain();
        talk(pair);
        for (const side of [pair.small, pair.large]) {
          expect(side.unreadable).toEqual([]);
          expect(side.opened).toEqual(pair.other(side).sealed);
          expect(new Set(side.sealed).size).toBe(side.sealed.length);
        }
        // Sessions of version 1 have no rank that both sides know.
        if (versions.small + versions.large < 4) return;
        expect(sendingSession(pair.small.state)?.id).toBe(sendingSession(pair.large.state)?.id);
        expect(pair.small.state.pending).toEqual([]);
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });

  test('of two requests that cross, both are answered and both sides send under that of the smaller code', () => {
    const pair = new Pair();
    const ours = requestOf(pair.small.ask());
    pair.send(pair.small, ours);
    pair.agree(pair.large);
    talk(pair);
    const [small, large] = [sendingSession(pair.small.state), sendingSession(pair.large.state)];
    expect([small?.role, large?.role]).toEqual(['initiator', 'responder']);
    expect(small?.id).toBe(large?.id);
  });

  test('nothing is sent under keys that the other is not known to have', () => {
    const pair = new Pair();
    pair.ask(pair.large);
    pair.deliver(pair.small);
    expect(pair.small.say()).toBeNull();
    expect(proofDueMs(pair.small.state, pair.small.nowMs)).toBe(PROOF_AFTER_MS);
    expect(wantsRequest(pair.small.state, pair.small.nowMs)).toBe(false);
    expect(wantsRequest(pair.small.state, pair.small.nowMs + PROOF_AFTER_MS)).toBe(true);
    pair.drain();
    expect(pair.small.say()).not.toBeNull();
  });

  test('the old keys stay in use until the other side is known to have the new ones', () => {
    const pair = new Pair();
    pair.agree(pair.small);
    const old = sendingSession(pair.large.state);
    pair.ask(pair.small);
    pair.deliver(pair.large);
    expect(sendingSession(pair.large.state)?.id).toBe(old?.id);
    pair.drain();
    expect(sendingSession(pair.large.state)?.id).not.toBe(old?.id);
    expect(pair.large.state.sessions).toHaveLength(1);
    expect(pair.large.state.retired).toEqual([old?.id]);
  });
});

describe('whatever a relay repeats, loses or reorders', () => {
  const hostileStep = fc.oneof(
    { weight: 6, arbitrary: honestStep },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('lose' as const), who }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('swap' as const), who }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('repeat' as const), who, which: fc.nat() }) },
  );

  test.each(VERSIONS)(
    'nothing opens twice, no counter is used twice, and honest delivery mends it (versions %o)',
    (versions) => {
      fc.assert(
        fc.property(fc.array(hostileStep, { maxLength: 60 }), (steps) => {
          const pair = new Pair(versions);
          for (const step of steps) {
            const side = step.who === 'small' ? pair.small : pair.large;
            const queue = pair.to(side);
            if (step.does === 'lose') queue.shift();
            else if (step.does === 'swap') queue.reverse();
            else if (step.does === 'repeat') {
              // A signature shows the author of a frame: it can be repeated to the other, not turned back.
              const known = pair.everSent.filter(({ from }) => from !== side.code);
              const again = known[step.which % Math.max(1, known.length)];
              if (again !== undefined) queue.unshift(again);
            } else play(pair, step);
          }
          for (const side of [pair.small, pair.large]) {
            expect(new Set(side.sealed).size).toBe(side.sealed.length);
            expect(new Set(side.opened).size).toBe(side.opened.length);
            for (const each of side.opened) expect(pair.other(side).sealed).toContain(each);
          }
          pair.to(pair.small).length = 0;
          pair.to(pair.large).length = 0;
          pair.wait(60_000);
          pair.agree(pair.large);
          talk(pair);
          expect(pair.small.opened.at(-1)).toBe(pair.large.sealed.at(-1));
          expect(pair.large.opened.at(-1)).toBe(pair.small.sealed.at(-1));
          if (versions.small + versions.large < 4) return;
          expect(sendingSession(pair.small.state)?.id).toBe(sendingSession(pair.large.state)?.id);
        }),
        { numRuns: 2_000, seed: 2 },
      );
    },
  );

  test.each(['small', 'large'] as const)(
    'a lost request of the %s code keeps no one from writing',
    (name) => {
      const pair = new Pair();
      const lost = pair[name];
      lost.ask();
      const other = pair.other(lost);
      pair.agree(other);
      pair.send(other, other.say());
      pair.drain();
      expect(lost.opened).toEqual(other.sealed);
      // Its own request was seen to be in vain: the message inside goes out again.
      expect(lost.lost).toEqual([0]);
      expect(lost.state.pending).toEqual([]);
    },
  );

  test('a request seen before is not answered again, nor one that is older than the newest', () => {
    const pair = new Pair();
    const [first, second] = [pair.small.ask(), pair.small.ask()];
    expect(pair.large.hear(second)).toHaveLength(1);
    expect(pair.large.hear(second)).toEqual([]);
    expect(pair.large.hear(first)).toEqual([]);
    expect(pair.large.state.sessions).toHaveLength(1);
  });

  test.each<[string, object]>([
    ['made for another relay', { audience: 'wss://other.test/ws' }],
    ['nine days old', { atMs: 1_000_000 - 9 * 86_400_000 }],
    ['two days ahead', { atMs: 1_000_000 + 2 * 86_400_000 }],
  ])('a request is not answered that was %s', (_, changes) => {
    const pair = new Pair();
    expect(pair.large.hear(pair.small.ask(changes))).toEqual([]);
    expect(pair.large.state.sessions).toEqual([]);
  });

  test('our own exchange key, sent back to us, gives no session', () => {
    const pair = new Pair();
    const { payload } = requestOf(pair.small.ask());
    const { publicKey } = payload;
    const id = pair.small.state.pending[0]?.id ?? '';
    const answer = { publicKey, inReplyTo: id, terms: null };
    expect(pair.small.hear({ kind: 'answer', from: 'BBBBBBB', id: newKey(), payload: answer })).toEqual([]);
    expect(pair.small.hear({ kind: 'request', from: 'BBBBBBB', id: newKey(), payload })).toEqual([]);
    expect(pair.small.state.sessions).toEqual([]);
  });

  test('an answer to no pending request is ignored, and so is one of a lower generation than was asked for', () => {
    const pair = new Pair();
    pair.small.ask();
    const terms = { generation: 1, kemCiphertext: null, first: null };
    const answer = (inReplyTo: string, generation: number) => {
      const payload = { publicKey: newKey(), inReplyTo, terms: { ...terms, generation } };
      return pair.small.hear({ kind: 'answer', from: 'BBBBBBB', id: newKey(), payload });
    };
    answer('a'.repeat(64), 1);
    answer(pair.small.state.pending[0]?.id ?? '', 0);
    expect(pair.small.state.sessions).toEqual([]);
  });

  test('a flood of requests does not push out the keys in use, and stays within bounds', () => {
    const pair = new Pair();
    pair.agree(pair.large);
    const used = sendingSession(pair.small.state)?.id;
    for (let n = 0; n < 50; n++) pair.small.hear(pair.large.ask());
    expect(sendingSession(pair.small.state)?.id).toBe(used);
    expect(pair.small.state.sessions.length).toBeLessThanOrEqual(10);
    expect(pair.large.state.pending.length).toBeLessThanOrEqual(8);
    expect(pair.small.state.retired.length).toBeLessThanOrEqual(32);
  });

  test('the message inside a request goes out again if the request is refused, or pushed out by newer ones', () => {
    const { small } = new Pair();
    const asked = requestOf(small.ask());
    expect(requestFailed(small.state, asked.id).lost).toEqual([0]);
    for (let n = 0; n < 8; n++) small.ask();
    expect(small.lost).toEqual([0]);
  });
});

describe('a peer that has shown more is not taken for less', () => {
  const raised = (): { pair: Pair; side: Side } => {
    const pair = new Pair({ small: 1 });
    pair.large.level = { version: 2, hybrid: false };
    return { pair, side: pair.large };
  };

  test('a request of version 1 is not answered', () => {
    const { pair, side } = raised();
    expect(side.hear(pair.small.ask())).toEqual([]);
    expect(side.state.sessions).toEqual([]);
  });

  test('an answer of version 1 gives no session', () => {
    const { pair, side } = raised();
    pair.agree(side);
    expect(side.state.sessions).toEqual([]);
  });

  test('neither a request nor an answer without ML-KEM', () => {
    const pair = new Pair();
    pair.large.level = { version: 2, hybrid: true };
    expect(pair.large.hear(pair.small.ask())).toEqual([]);
    pair.agree(pair.large);
    expect(pair.large.state.sessions).toEqual([]);
  });
});

describe('keys are asked for', () => {
  const agreed = () => {
    const pair = new Pair();
    pair.agree(pair.small);
    return pair.small.state;
  };

  test('at the first word, and again after a minute, ten, an hour, and every day', () => {
    const { small } = new Pair();
    expect(wantsRequest(NO_EXCHANGE, 0)).toBe(true);
    for (const afterMs of [60_000, 600_000, 3_600_000, 86_400_000, 86_400_000]) {
      small.ask();
      expect(wantsRequest(small.state, small.nowMs + afterMs - 1)).toBe(false);
      small.nowMs += afterMs;
      expect(wantsRequest(small.state, small.nowMs)).toBe(true);
    }
  });

  test('no more often where the relay refuses the requests', () => {
    const { small } = new Pair();
    const { id } = requestOf(small.ask());
    const { state } = requestFailed(small.state, id);
    expect(wantsRequest(state, small.nowMs + 59_999)).toBe(false);
  });

  test('after a day', () => {
    const { nowMs } = new Pair().small;
    expect(wantsRequest(agreed(), nowMs + REKEY_AFTER_MS - 1)).toBe(false);
    expect(wantsRequest(agreed(), nowMs + REKEY_AFTER_MS)).toBe(true);
  });

  test('after a hundred messages', () => {
    const state = agreed();
    const used = (next: number) => ({
      ...state,
      sessions: state.sessions.map((session) => ({ ...session, send: { ...session.send, next } })),
    });
    expect(REKEY_AFTER_MESSAGES).toBe(100);
    expect(wantsRequest(used(99), 1_000_000)).toBe(false);
    expect(wantsRequest(used(100), 1_000_000)).toBe(true);
  });

  test('when the other has lost its state: nothing is sent under the old ones meanwhile', () => {
    const pair = new Pair();
    pair.agree(pair.small);
    // A side without state says so by naming no exchange.
    pair.large.state = NO_EXCHANGE;
    pair.ask(pair.large);
    pair.deliver(pair.small);
    expect(pair.small.say()).toBeNull();
    expect(pair.small.state.inVain).toBe(true);
    pair.drain();
    talk(pair);
    expect(pair.small.opened.at(-1)).toBe(pair.large.sealed.at(-1));
    // A message under keys that we do not have says the same.
    pair.small.state = distrust(pair.small.state);
    expect(pair.small.say()).toBeNull();
  });
});
