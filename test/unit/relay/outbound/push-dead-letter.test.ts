import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { isAfter } from '../../../../src/engine/mailbox-id.ts';
import { Bench } from './push-bench.ts';

let bench: Bench;

beforeEach(async () => {
  bench = new Bench();
  await bench.registerBob();
});

describe('an entry that cannot be decoded', () => {
  /** Reads from the real engine, which has no such entries, and makes one of each that is named here. */
  const withUnreadable =
    (...texts: string[]): Engine['read'] =>
    async (request) => {
      const page = await bench.engine.read(request);
      if (page.state !== 'held') return page;
      const envelopes = page.envelopes.map((entry) =>
        texts.includes(`${entry.frame}`.slice(0, -1)) ? { ...entry, frame: null } : entry,
      );
      return { ...page, envelopes };
    };
  const left = async () => {
    const { code } = bench;
    const login = await bench.engine.claim({ code, token: 'later', protocol: 2 });
    return login.outcome === 'claimed' ? login.waiting : -1;
  };

  it('becomes a dead letter, and those before it and behind it are pushed', async () => {
    await bench.store('1', '2', '3');
    await bench.start({ read: withUnreadable('2') });
    await bench.store('4');
    expect(bench.sent).toEqual(['1', '3', '4']);
    expect(bench.deadLetters).toHaveLength(1);
    expect(await left()).toBe(3);
  });

  it('leaves a mailbox that holds nothing else, and what comes then is live', async () => {
    await bench.store('1', '2');
    await bench.start({ read: withUnreadable('1', '2') });
    await bench.store('3');
    await bench.store('4');
    expect(bench.sent).toEqual(['3', '4']);
    expect(bench.deadLetters).toHaveLength(2);
    expect(bench.drained).toBe(1);
    expect(bench.reads.length).toBeLessThan(5);
    expect(await left()).toBe(2);
  });

  it('is passed over if the store does not take it out', async () => {
    await bench.store('1', '2', '3');
    await bench.start({
      read: withUnreadable('1', '3'),
      deadLetter: () => Promise.reject(new Error('no')),
    });
    await bench.store('4');
    expect(bench.sent).toEqual(['2', '4']);
    expect(bench.drained).toBe(1);
  });
});

it('stops at an envelope that cannot be handed to the socket, and counts the failure for it', async () => {
  await bench.store('1', '2', '3');
  const push = await bench.start({
    send: (text) => {
      if (text === '2') throw new Error('no');
      return 'sent';
    },
  });
  await bench.store('4');
  expect(bench.sent).toEqual(['1']);
  expect(bench.unsendable).toHaveLength(1);
  expect(isAfter(bench.unsendable[0] ?? '', push.cursor ?? '')).toBe(true);
});
