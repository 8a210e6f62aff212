import { describe, expect, it } from 'vitest';
import { type Counts, check, FAULT_NAMES, type FaultName } from '../../faults/checker/checker.ts';
import type { Arrival, Connected, History, SentEnvelope } from '../../faults/checker/history.ts';
import { NEVER } from '../../faults/checker/history.ts';

/** Everything may be changed, so that bugs can be planted. */
interface Draft {
  sent: SentEnvelope[];
  arrivals: Arrival[];
  connections: Connected[];
}

const ENOUGH = 1_000;
const SENDERS = ['ALICE', 'CAROL'];
const PER_SENDER = 600;
const BOBS_CONNECTIONS = [1, 2, 3];

/**
 * What an honest relay leaves: two senders, Bob on three connections one after the other, each of which repeats
 * the last ten of the one before; of Alice's envelopes some were in doubt and sent again.
 */
function cleanRun(): Draft {
  const sent: SentEnvelope[] = [];
  const arrivals: Arrival[] = [];
  for (const sender of SENDERS) {
    for (let number = 0; number < PER_SENDER; number += 1) {
      const doubtful = sender === 'ALICE' && number % 50 === 7;
      sent.push({
        sender,
        recipient: 'BOB',
        number,
        digest: `${sender}${number}`,
        sentAtMs: number,
        outcome: 'accepted',
        settledAtMs: number + 1,
        firstPosition: number * 10,
        // Sent again behind the three that follow it.
        lastPosition: number * 10 + (doubtful ? 35 : 0),
      });
    }
  }
  const perConnection = PER_SENDER / BOBS_CONNECTIONS.length;
  for (const [index, connection] of BOBS_CONNECTIONS.entries()) {
    const from = Math.max(0, index * perConnection - 10);
    for (let number = from; number < (index + 1) * perConnection; number += 1) {
      for (const sender of SENDERS) {
        arrivals.push({
          receiver: 'BOB',
          connection,
          sender,
          recipient: 'BOB',
          number,
          digest: `${sender}${number}`,
          seq: `${number}-${sender}`,
          atMs: number + 3,
        });
      }
    }
  }
  const connections = BOBS_CONNECTIONS.map((connection) => ({
    user: 'BOB',
    connection,
    openedAtMs: 0,
    closedAtMs: null,
    closeCode: null,
  }));
  return { sent, arrivals, connections };
}

function planted(bug: (run: Draft) => void): Counts & { readonly result: string } {
  const run = cleanRun();
  bug(run);
  const { counts, result } = check(run as History, { acceptedMin: ENOUGH });
  return { ...counts, result };
}

function faultsOf(counts: Counts): Partial<Record<FaultName, number>> {
  return Object.fromEntries(
    FAULT_NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]]),
  );
}

const from = (sender: string, low: number, high: number) => (a: { sender: string; number: number }) =>
  a.sender === sender && a.number >= low && a.number <= high;

/** Takes all arrivals of what `which` names out of the run. */
const lose = (run: Draft, which: (arrival: Arrival) => boolean) => {
  run.arrivals = run.arrivals.filter((arrival) => !which(arrival));
};

const indexOf = (run: Draft, sender: string, number: number) => {
  const index = run.arrivals.findIndex((a) => a.sender === sender && a.number === number);
  expect(index).toBeGreaterThanOrEqual(0);
  return index;
};

/** The first arrival of that envelope, changed. */
const change = (run: Draft, sender: string, number: number, to: Partial<Arrival>) => {
  const index = indexOf(run, sender, number);
  run.arrivals[index] = { ...(run.arrivals[index] as Arrival), ...to };
};

/** Alice's envelope `number` comes behind her `other`. */
const moveBehind = (run: Draft, number: number, other: number) => {
  const moved = run.arrivals.splice(indexOf(run, 'ALICE', number), 1);
  run.arrivals.splice(indexOf(run, 'ALICE', other) + 1, 0, ...moved);
};

describe('the checker of the fault suite', () => {
  it('passes a clean run, with repeats over connections and envelopes that were sent twice', () => {
    const counts = planted(() => undefined);
    expect(counts.result).toBe('pass');
    expect(faultsOf(counts)).toEqual({});
    expect(counts).toMatchObject({ sent: 1200, accepted: 1200, repeat: 40, recovered: 0, excused: 0 });
  });

  const swap = (run: Draft, a: number, b: number) => {
    [run.arrivals[a], run.arrivals[b]] = [run.arrivals[b] as Arrival, run.arrivals[a] as Arrival];
  };

  it.each<[bug: string, plant: (run: Draft) => void, faults: Partial<Record<FaultName, number>>]>([
    ['a hole at the start', (run) => lose(run, from('CAROL', 0, 4)), { lostPrefix: 5 }],
    [
      'a hole in the middle of one connection',
      (run) => lose(run, from('CAROL', 100, 102)),
      { lostMiddle: 3 },
    ],
    ['a hole at the end', (run) => lose(run, from('ALICE', PER_SENDER - 2, PER_SENDER)), { lostTail: 2 }],
    [
      'the only envelope of a pair, lost',
      (run) => lose(run, from('ALICE', 0, PER_SENDER)),
      { lostTail: PER_SENDER },
    ],
    [
      'two envelopes swapped on one connection',
      (run) => swap(run, indexOf(run, 'CAROL', 50), indexOf(run, 'CAROL', 51)),
      { inverted: 1 },
    ],
    [
      'two envelopes swapped among repeats',
      (run) => {
        const repeats = run.arrivals.filter((a) => a.connection === 2 && a.sender === 'CAROL');
        const [a, b] = [repeats[3], repeats[4]].map((repeat) => run.arrivals.indexOf(repeat as Arrival));
        swap(run, a as number, b as number);
      },
      { inverted: 1 },
    ],
    [
      'a repeat that comes later than its repetition explains',
      (run) => moveBehind(run, 57, 61),
      { inverted: 1 },
    ],
    ['other bytes', (run) => change(run, 'ALICE', 30, { digest: 'other' }), { altered: 1 }],
    [
      'an envelope that reached the wrong user, and misses at its recipient',
      (run) => change(run, 'ALICE', 30, { receiver: 'MALLORY' }),
      { misdelivered: 1, lostMiddle: 1 },
    ],
    [
      'a session that skips what its predecessor had not delivered',
      (run) => lose(run, from('CAROL', 195, 201)),
      { lostMiddle: 7, skipped: 7 },
    ],
    [
      'an envelope that one connection skipped and a later one delivered',
      (run) => {
        const late = run.arrivals.find(from('CAROL', 100, 100)) as Arrival;
        lose(run, from('CAROL', 100, 100));
        run.arrivals.push({ ...late, connection: 3, atMs: 9_999 });
      },
      // On its connection it also comes behind later ones.
      { inverted: 1, skipped: 1 },
    ],
  ])('catches %s', (_, plant, faults) => {
    const counts = planted(plant);
    expect(faultsOf(counts)).toEqual(faults);
    expect(counts.result).toBe('fail');
  });

  it('does not take a repeat behind a later envelope for a swap', () => {
    // Alice's 57 was in doubt and sent again behind 58, 59 and 60.
    const counts = planted((run) => moveBehind(run, 57, 60));
    expect(faultsOf(counts)).toEqual({});
  });

  it('catches a phantom, and an envelope that the relay had refused', () => {
    const phantom = { receiver: 'BOB', connection: 1, sender: 'ALICE', recipient: 'BOB', number: 9_999 };
    const counts = planted((run) => {
      run.arrivals.push({ ...phantom, digest: '', seq: null, atMs: 1 });
    });
    expect(faultsOf(counts)).toEqual({ phantom: 1 });

    const refused = planted((run) => {
      const index = run.sent.findIndex(from('CAROL', 40, 40));
      const outcome = { outcome: 'refused', firstPosition: NEVER, lastPosition: NEVER } as const;
      run.sent[index] = { ...(run.sent[index] as SentEnvelope), ...outcome };
    });
    expect(faultsOf(refused)).toEqual({ phantom: 1 });
  });

  it('catches accepted before stored: accepted, and gone with the store', () => {
    const counts = planted((run) => {
      lose(run, from('ALICE', 300, 310));
      lose(run, from('CAROL', 300, 310));
    });
    expect(faultsOf(counts)).toMatchObject({ lostMiddle: 22 });
  });

  it('catches the same envelope twice on one connection, and stored twice', () => {
    const twice = planted((run) => {
      const index = indexOf(run, 'ALICE', 20);
      run.arrivals.splice(index + 1, 0, run.arrivals[index] as Arrival);
    });
    expect(faultsOf(twice)).toEqual({ duplicate: 1 });

    const stored = planted((run) => {
      const index = run.arrivals.findIndex((a) => a.connection === 2 && a.number === 195);
      run.arrivals[index] = { ...(run.arrivals[index] as Arrival), seq: 'another' };
    });
    expect(faultsOf(stored)).toEqual({ doubled: 1 });
  });

  it('does not pass an empty or a small run', () => {
    const empty = check({ sent: [], arrivals: [], connections: [] }, { acceptedMin: ENOUGH });
    expect(empty.result).toBe('unknown');
    const small = check(cleanRun(), { acceptedMin: 10_000 });
    expect(small.result).toBe('unknown');
  });

  it('fails a small run with a fault, instead of calling it unknown', () => {
    const run = cleanRun();
    lose(run, from('CAROL', 100, 100));
    expect(check(run, { acceptedMin: 10_000 }).result).toBe('fail');
  });

  it('counts unknown envelopes that arrived, and accepts that others did not', () => {
    const counts = planted((run) => {
      for (const [index, envelope] of run.sent.entries()) {
        if (envelope.number % 100 === 0) {
          run.sent[index] = { ...envelope, outcome: 'unknown', settledAtMs: null };
        }
      }
      lose(run, from('CAROL', 0, 0));
      lose(run, from('CAROL', 300, 300));
    });
    expect(faultsOf(counts)).toEqual({});
    expect(counts).toMatchObject({ result: 'pass', unknown: 12, recovered: 10 });
  });

  it('excuses only what the chosen durability may lose', () => {
    const run = cleanRun();
    lose(run, from('CAROL', 195, 201));
    const mayLose = (envelope: SentEnvelope) => envelope.sender === 'CAROL' && envelope.number >= 196;
    const verdict = check(run, { acceptedMin: ENOUGH, mayLose });
    expect(verdict.counts).toMatchObject({ excused: 6, lostMiddle: 1, skipped: 1 });
    expect(verdict.missing).toHaveLength(7);
  });

  it('refuses a history in which an envelope is named twice', () => {
    const run = cleanRun();
    run.sent.push(run.sent[0] as SentEnvelope);
    expect(() => check(run, { acceptedMin: ENOUGH })).toThrow('names ALICE>BOB#0 twice');
  });
});
