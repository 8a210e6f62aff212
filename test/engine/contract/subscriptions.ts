import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { Announcement } from '../../../src/engine/verbs/announcements.ts';
import type { PushSubscription } from '../../../src/engine/verbs/subscriptions.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import { envelope, newSession, nodesForTests, Sender } from '../fixture.ts';

/** Where users are pushed to while away. */
export function subscriptions(backend: Backend): void {
  describe('users with subscriptions', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;

    const at = (name: string): PushSubscription => ({
      endpoint: `https://push.example/${name}`,
      p256dh: `point-of-${name}`,
      auth: `auth-${name}`,
    });
    /** Subscribes, leaves, and is written to. */
    const away = async (...names: readonly string[]) => {
      node = await nodes.start({ ...LIMITS });
      const { code, session } = await newSession(node, { proven: true, protocol: 2 });
      for (const name of names) expect(await node.subscriptions.add(session, at(name))).toBe('done');
      return { code, session };
    };
    const writeTo = (code: string) => new Sender(node, 'A11CE00').send(code, envelope('a'));
    const taken = async (code: string): Promise<Announcement | undefined> => {
      let found: Announcement | undefined;
      const take = async () => {
        found ??= (await node.pushes.take(100)).find((each) => each.code === code);
        return found !== undefined;
      };
      await until(take, { what: 'the user to be announced' });
      return found;
    };
    const endpoints = (announcement: Announcement | undefined) =>
      announcement?.subscriptions.map(({ endpoint }) => endpoint.replace('https://push.example/', '')).sort();

    it('are announced with all of them, and by the webhook too; each way is done by itself', async () => {
      const { code, session } = await away('phone', 'laptop');
      await node.release(session);
      await writeTo(code);
      const push = await taken(code);
      expect(push).toMatchObject({ code, waiting: 1, epoch: session.epoch });
      expect(new Set(push?.subscriptions)).toEqual(new Set([at('phone'), at('laptop')]));
      if (push !== undefined) await node.pushes.done([push]);
      const hook = await node.announcements.take(100);
      expect(hook).toMatchObject([{ code, subscriptions: [] }]);
    });

    it('have at most five: another displaces the one that was not renewed for longest', async () => {
      const { code, session } = await away('a', 'b', 'c', 'd', 'e', 'a', 'f');
      expect(await node.subscriptions.remove(session, at('c').endpoint)).toBe('done');
      await node.release(session);
      await writeTo(code);
      expect(endpoints(await taken(code))).toEqual(['a', 'd', 'e', 'f']);
      expect(await node.subscriptions.add(session, at('g'))).toBe('ended');
      expect(await node.subscriptions.remove(session, at('a').endpoint)).toBe('ended');
    });

    it('are not announced by them once the push services know none of them', async () => {
      const { code, session } = await away('a', 'b');
      await node.release(session);
      await node.subscriptions.drop(code, at('a').endpoint);
      await writeTo(code);
      const push = await taken(code);
      expect(endpoints(push)).toEqual(['b']);
      await node.subscriptions.drop(code, at('b').endpoint);
      if (push !== undefined) await node.pushes.putBack([push], 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await node.pushes.take(100)).map((each) => each.code)).not.toContain(code);
    });

    it('take them along when they leave', async () => {
      const { session } = await away('a');
      expect(await node.leave(session)).toBe('left');
      expect(await node.subscriptions.add(session, at('a'))).not.toBe('done');
    });
  });
}
