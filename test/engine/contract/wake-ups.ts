import { beforeEach, describe, expect, it } from 'vitest';
import { type Engine, EngineUnavailable } from '../../../src/engine/engine.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import {
  envelope,
  held,
  ids,
  listening,
  login,
  newToken,
  nodesForTests,
  RecordingListener,
  register,
  Sender,
  text,
  texts,
} from '../fixture.ts';

/** Subscriptions, and the answers of an engine that does not run. */
export function wakeUps(backend: Backend): void {
  describe('wake-ups', () => {
    const nodes = nodesForTests(backend);
    let one: Engine;
    let other: Engine;
    let bob: string;
    beforeEach(async () => {
      one = await nodes.start();
      other = await nodes.start();
      bob = (await register(one)).code;
    });

    it('carry the stored bytes and form a chain: each names the id before it, from the claim on', async () => {
      const listener = await listening(one, bob);
      const claimed = await login(one, bob);
      const alice = new Sender(other, 'ALICE00');
      for (let n = 0; n < 20; n += 2) await alice.send(bob, envelope(`${n}`), envelope(`${n + 1}`));
      await until(() => listener.wakeUps.length === 20, { what: '20 wake-ups' });
      expect(listener.texts).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
      expect(listener.wakeUps.map(({ prev }) => prev)).toEqual([
        claimed.last,
        ...listener.wakeUps.slice(0, -1).map(({ id }) => id),
      ]);
      expect(listener.wakeUps.map(({ id }) => id)).toEqual(await ids(one, claimed.session));
    });

    it('keep the chain over a confirm that empties the mailbox', async () => {
      const listener = await listening(one, bob);
      const { session } = await login(one, bob);
      const alice = new Sender(other, 'ALICE00');
      await alice.send(bob, envelope('a'));
      await until(() => listener.wakeUps.length === 1, { what: 'the first' });
      await one.confirm(session, listener.wakeUps[0]?.id ?? '');
      await alice.send(bob, envelope('b'));
      await until(() => listener.wakeUps.length === 2, { what: 'the second' });
      expect(listener.wakeUps[1]?.prev).toBe(listener.wakeUps[0]?.id);
    });

    it('come for stored envelopes, never for repeated or refused ones', async () => {
      const listener = await listening(one, bob);
      const alice = new Sender(other, 'ALICE00');
      const outcomes = await alice.send(
        bob,
        envelope('a', 'x'),
        envelope('a', 'x'),
        envelope('b', 'x'),
        envelope('c'),
      );
      expect(outcomes).toEqual(['stored', 'repeated', 'id_conflict', 'stored']);
      await alice.sendAs(1, bob, envelope('a', 'x'));
      await alice.send(bob, envelope('end'));
      await until(() => listener.wakeUps.some(({ frame }) => text(frame) === 'end'), {
        what: 'the last wake-up',
      });
      expect(listener.texts).toEqual(['a', 'c', 'end']);
    });

    it('never come inside the call that causes them', async () => {
      let inside = true;
      const heard: boolean[] = [];
      const listener = Object.assign(new RecordingListener(), {
        onWakeUp: () => heard.push(inside),
        onClaimed: () => heard.push(inside),
      });
      await one.subscribe(bob, listener);
      const delivered = new Sender(one, 'ALICE00').send(bob, envelope('a'));
      const claimed = one.claim({ code: bob, token: newToken(), protocol: 1 });
      inside = false;
      await Promise.all([delivered, claimed]);
      await until(() => heard.length === 2, { what: 'wake-up and claim' });
      expect(heard).toEqual([false, false]);
    });

    it('come to every listener of a mailbox, and to none of another', async () => {
      const listener = Array.from({ length: 4 }, () => new RecordingListener());
      const carol = (await register(one)).code;
      const codes = [bob, bob, bob, carol];
      await Promise.all(
        listener.map((each, index) => (index === 1 ? other : one).subscribe(codes[index] ?? '', each)),
      );
      await new Sender(other, 'ALICE00').send(bob, envelope('a'));
      await new Sender(other, 'ALICE00').send(carol, envelope('b'));
      await until(() => listener.every(({ wakeUps }) => wakeUps.length > 0), {
        what: 'every listener to be woken',
      });
      expect(listener.map((each) => each.texts)).toEqual([['a'], ['a'], ['a'], ['b']]);
    });

    it('do not reach an unsubscribed listener, while others on the same mailbox continue', async () => {
      const [left, stayed] = [new RecordingListener(), new RecordingListener()];
      const subscription = await one.subscribe(bob, left);
      await one.subscribe(bob, stayed);
      const alice = new Sender(other, 'ALICE00');
      subscription.unsubscribe();
      subscription.unsubscribe();
      subscription.renew();
      await alice.send(bob, envelope('a'));
      await until(() => stayed.wakeUps.length === 1, { what: 'the remaining listener to be woken' });
      expect(left.wakeUps).toEqual([]);
    });

    it('reach the listener that the subscription was handed to, and the previous one no more', async () => {
      const [first, second] = [new RecordingListener(), new RecordingListener()];
      const subscription = await one.subscribe(bob, first);
      const alice = new Sender(other, 'ALICE00');
      await alice.send(bob, envelope('a'));
      await until(() => first.wakeUps.length === 1, { what: 'a wake-up for the first listener' });
      subscription.handTo(second);
      await alice.send(bob, envelope('b'));
      await until(() => second.wakeUps.length === 1, { what: 'a wake-up for the second listener' });
      subscription.unsubscribe();
      await alice.send(bob, envelope('c'));
      expect([first, second].map(({ texts }) => texts)).toEqual([['a'], ['b']]);
    });

    it('reach a listener that unsubscribes and subscribes in quick succession', async () => {
      const alice = new Sender(other, 'ALICE00');
      for (let round = 0; round < 10; round += 1) {
        const listener = new RecordingListener();
        const subscription = await one.subscribe(bob, listener);
        await alice.send(bob, envelope(`${round}`));
        await until(() => listener.wakeUps.length === 1, { what: `wake-up ${round}` });
        subscription.unsubscribe();
      }
    });

    it('continue after a renewal', async () => {
      const listener = new RecordingListener();
      const subscription = await one.subscribe(bob, listener);
      subscription.renew();
      await new Sender(other, 'ALICE00').send(bob, envelope('a'));
      await until(() => listener.wakeUps.length > 0 || listener.polls > 0, { what: 'a wake-up or a poll' });
    });
  });

  describe('an engine that does not run', () => {
    const nodes = nodesForTests(backend);

    it('is not ready, says why, and rejects every call as unavailable', async () => {
      const node = backend.node({ ...LIMITS });
      expect(node.health()).toMatchObject({ ready: false, reason: expect.stringContaining('not running') });
      const session = { code: '0000000', token: newToken(), epoch: 1, protocol: 1 } as const;
      const calls = [
        () => node.register({ ecdhPublicKey: 'a', eddsaPublicKey: 'b', name: null, proof: null }),
        () => node.findUser(session.code),
        () => node.subscribe(session.code, new RecordingListener()),
        () => node.claim({ code: session.code, token: session.token, protocol: 1 }),
        () => node.reclaim(session, null),
        () => held(node, session),
        () => node.confirm(session, '1-1'),
        () => node.release(session),
        () => new Sender(node, 'ALICE00').send(session.code, envelope('a')),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(EngineUnavailable);
      await node.close();
    });

    it('is ready once started, and calls no listener once closed', async () => {
      const node = await nodes.start({ ...LIMITS });
      expect(node.health().ready).toBe(true);
      const { code } = await register(node);
      const listener = await listening(node, code);
      const { session } = await login(node, code);
      await until(() => listener.claims.length === 1, { what: 'its own claim' });
      await node.close();
      expect(node.health().ready).toBe(false);
      await expect(texts(node, session)).rejects.toThrow(EngineUnavailable);
      expect(listener.wakeUps).toEqual([]);
    });
  });
}
