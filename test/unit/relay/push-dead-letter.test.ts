import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { isAfter } from '../../../src/engine/mailbox-id.ts';
import { Bench } from './push-bench.ts';

let bench: Bench;

beforeEach(async () => {
  bench = new Bench();
  await bench.registerBob();
});

describe('an entry that cannot be decoded', () => {
  /** Reads from the real engine, which has no such entries, and makes one of each that is named here. */
  const withPoison = (...poison: string[]): Pick<Engine, 'read'> => ({
    read: async (request) => {
      const page = await bench.engine.read(request);
      if (page.state !== 'held') return page;
      const envelopes = page.envelopes.map((entry) =>
        poison.includes(`${entry.frame}`) ? { ...entry, frame: null } : entry,
      );
      return { ...page, envelopes };
    },
  });
  const left = async () => {
    const { code } = bench;
    const login = await bench.engine.claim({ code, token: 'later', protocol: 1 });
    return login.outcome === 'claimed' ? login.waiting : -1;
  };

  it('is set aside, and those before it and behind it are pushed', async () => {
    await bench.store('1', '2', '3');
    const push = await bench.login({ engine: withPoison('2') });
    push.start();
    await bench.store('4');
    expect(bench.sent).toEqual(['1', '3', '4']);
    expect(bench.asides).toHaveLength(1);
    expect(await left()).toBe(3);
  });

  it('leaves the mailbox although nothing else is in it, and what comes then is live', async () => {
    await bench.store('1', '2');
    const push = await bench.login({ engine: withPoison('1', '2') });
    push.start();
    await bench.store('3');
    await bench.store('4');
    expect(bench.sent).toEqual(['3', '4']);
    expect(bench.asides).toHaveLength(2);
    expect(bench.drained).toBe(1);
    expect(bench.reads.length).toBeLessThan(5);
    expect(await left()).toBe(2);
  });

  it('is passed over where the store does not set it aside', async () => {
    await bench.store('1', '2', '3');
    const push = await bench.login({ engine: withPoison('1', '3'), setAside: async () => false });
    push.start();
    await bench.store('4');
    expect(bench.sent).toEqual(['2', '4']);
    expect(bench.drained).toBe(1);
  });
});

it('stops at an envelope that cannot be handed to the socket, and says which', async () => {
  await bench.store('1', '2', '3');
  const push = await bench.login({
    send: (frame) => {
      if (`${frame}` === '2') throw new Error('no');
      bench.sent.push(`${frame}`);
      return 'sent';
    },
  });
  push.start();
  await bench.store('4');
  expect(bench.sent).toEqual(['1']);
  expect(bench.unsendable).toHaveLength(1);
  expect(isAfter(bench.unsendable[0] ?? '', push.cursor ?? '')).toBe(true);
});
