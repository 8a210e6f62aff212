import { describe, expect, it } from 'vitest';
import type { Engine, EngineLimits, Subscription } from '../../../src/engine/engine.ts';
import type { Announcement } from '../../../src/engine/verbs/announcements.ts';
import { until } from '../../support/until.ts';
import { ANNOUNCE_AFTER_MS, type Backend, LIMITS } from '../backends.ts';
import {
  type Claimed,
  envelope,
  ids,
  login,
  nodesForTests,
  RecordingListener,
  register,
  Sender,
} from '../fixture.ts';

/** A live session: its node listens. */
interface Live extends Claimed {
  readonly subscription: Subscription;
}

/** Who is to be woken from outside, because something waits. */
export function announcements(backend: Backend): void {
  describe('users who are away', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    let limits: EngineLimits;
    let bob: string;
    /** Users of other tests may be away too. */
    const mine = new Set<string>();

    const start = async (chosen: EngineLimits = { ...LIMITS }) => {
      limits = chosen;
      node = await nodes.start(limits);
      mine.clear();
      await newBob();
    };
    const newBob = async () => {
      bob = (await register(node, true)).code;
      mine.add(bob);
    };
    const take = async (by: Engine, max = 100) =>
      (await by.announcements.take(max)).filter(({ code }) => mine.has(code));
    const send = (text: string, sender = 'A11CE00') =>
      new Sender(node, sender, nextEpoch()).send(bob, envelope(text));
    const comes = async (to = bob): Promise<Live> => {
      const subscription = await node.subscribe(to, new RecordingListener());
      return { ...(await login(node, to, 2)), subscription };
    };
    const goes = async ({ session, subscription }: Live) => {
      subscription.unsubscribe();
      await node.release(session);
    };
    /** Everybody who is taken until then: twice the time after which a user who was noted is taken. */
    const takenWithin = async (by = node, ms = 2 * ANNOUNCE_AFTER_MS): Promise<Announcement[]> => {
      const taken: Announcement[] = [];
      const endMs = performance.now() + ms;
      while (performance.now() < endMs) {
        taken.push(...(await take(by)));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return taken;
    };
    const takenBy = async (by = node): Promise<Announcement> => {
      const taken: Announcement[] = [];
      await until(async () => taken.push(...(await take(by))) > 0, {
        what: 'a user who is away',
      });
      const [first] = taken;
      if (first === undefined || taken.length > 1) throw new Error(`taken: ${taken.length}`);
      return first;
    };

    it('are taken once, with how much waits and since when, before and after their first login', async () => {
      await start();
      const beforeUs = Date.now() * 1000;
      await send('a');
      await send('b');
      const first = await takenBy();
      expect(first).toMatchObject({ code: bob, epoch: 0, waiting: 2 });
      expect(Math.abs(first.sinceUs - beforeUs)).toBeLessThan(5_000_000);
      await node.announcements.done([first]);
      await send('c');
      expect(await takenWithin()).toEqual([]);
      const live = await comes();
      await node.confirm(live.session, (await ids(node, live.session)).at(-1) ?? '');
      await goes(live);
      await send('d');
      const second = await takenBy();
      expect(second).toMatchObject({ code: bob, epoch: live.session.epoch, waiting: 1 });
      await node.announcements.done([second]);
      expect(await takenWithin()).toEqual([]);
    });

    it('are not those with a live session, and not those without mail', async () => {
      await start();
      const live = await comes();
      await send('a');
      expect(await takenWithin()).toEqual([]);
      await node.confirm(live.session, (await ids(node, live.session)).at(-1) ?? '');
      await goes(live);
      expect(await takenWithin()).toEqual([]);
    });

    it('are also those who leave something behind: the socket may have been half open', async () => {
      await start();
      const live = await comes();
      await send('a');
      await goes(live);
      expect(await takenBy()).toMatchObject({ code: bob, epoch: live.session.epoch, waiting: 1 });
    });

    it('include users whose node has died: their session is there, but no node listens', async () => {
      await start();
      const { subscription } = await comes();
      subscription.unsubscribe();
      // A channel without listeners is kept for a second.
      await until(
        async () => {
          await send('a');
          return (await take(node)).length > 0;
        },
        { what: 'the announcement' },
      );
    });

    it('are not taken if they come back soon; and are when they have left again', async () => {
      await start();
      await send('a');
      const live = await comes();
      expect(await takenWithin()).toEqual([]);
      await goes(live);
      expect(await takenBy()).toMatchObject({ code: bob, epoch: live.session.epoch });
    });

    it('are not taken for mail that has left, but for the next', async () => {
      await start();
      await send('a');
      await node.operators.purge(bob);
      expect(await takenWithin()).toEqual([]);
      await send('b');
      expect(await takenBy()).toMatchObject({ code: bob, waiting: 1 });
    });

    it('are not those who were deleted or banned', async () => {
      await start();
      await send('a');
      await node.operators.ban(bob, { forMs: null, reason: '' });
      expect(await takenWithin()).toEqual([]);
      await node.operators.unban(bob);
      await send('b');
      await node.operators.remove(bob);
      expect(await takenWithin()).toEqual([]);
    });

    it('are not those to whom a blocked sender writes', async () => {
      await start();
      const live = await comes();
      await node.people.block(live.session, 'EVE0000');
      await goes(live);
      expect(await send('a', 'EVE0000')).toEqual(['unheard']);
      expect(await takenWithin()).toEqual([]);
    });

    it('that were put back are taken again after that time, by any node, and by one alone', async () => {
      await start();
      const other = await nodes.start(limits);
      await send('a');
      const first = await takenBy();
      await node.announcements.putBack([first], 2 * ANNOUNCE_AFTER_MS);
      expect(await takenWithin(node, ANNOUNCE_AFTER_MS)).toEqual([]);
      const again = [...(await takenWithin(other, ANNOUNCE_AFTER_MS)), ...(await takenWithin())];
      expect(again).toHaveLength(1);
      expect(again[0]).toMatchObject({ code: bob, epoch: first.epoch });
      // It is not the caller's any more.
      await node.announcements.done([first]);
      await node.announcements.putBack(again, 0);
      expect(await takenBy()).toMatchObject({ code: bob });
    });

    it('are shared by the nodes that take: each user goes to one', async () => {
      await start();
      const other = await nodes.start(limits);
      await send('a');
      for (let index = 0; index < 30; index += 1) {
        await newBob();
        await send('a');
      }
      const [here, there] = await Promise.all([takenWithin(), takenWithin(other)]);
      const taken = [...here, ...there].map(({ code }) => code);
      expect(taken.toSorted()).toEqual([...mine].toSorted());
    });

    it('are taken in portions', async () => {
      await start();
      for (let index = 0; index < 5; index += 1) {
        await newBob();
        await send('a');
      }
      const portions: number[] = [];
      await until(
        async () => {
          const taken = await take(node, 2);
          if (taken.length > 0) portions.push(taken.length);
          return portions.reduce((sum, each) => sum + each, 0) === 5;
        },
        { what: 'all five' },
      );
      expect(Math.max(...portions)).toBeLessThanOrEqual(2);
    });
  });
}

let epochs = 0;
/** A new session of the sender each time. */
function nextEpoch(): number {
  epochs += 1;
  return epochs;
}
