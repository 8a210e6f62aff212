import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Engine, EngineUnavailable } from '../../../src/engine/engine.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import {
  Ears,
  envelope,
  held,
  ids,
  login,
  Nodes,
  newToken,
  register,
  Sender,
  text,
  texts,
} from '../fixture.ts';

/** Subscriptions, and what an engine that does not run answers. */
export function wakeUps(backend: Backend): void {
  describe('wake-ups', () => {
    const nodes = new Nodes(backend);
    let one: Engine;
    let other: Engine;
    let bob: string;
    beforeAll(() => backend.clear());
    beforeEach(async () => {
      one = await nodes.start();
      other = await nodes.start();
      bob = (await register(one)).code;
    });
    afterEach(() => nodes.end());

    it('carry the stored bytes and form a chain: each names the id before it, from the claim on', async () => {
      const ears = new Ears();
      await one.subscribe(bob, ears);
      const claimed = await login(one, bob);
      const alice = new Sender(other, 'ALICE00');
      for (let n = 0; n < 20; n += 2) await alice.send(bob, envelope(`${n}`), envelope(`${n + 1}`));
      await until(() => ears.wakeUps.length === 20, { what: '20 wake-ups' });
      expect(ears.wakeUps.map(({ frame }) => text(frame))).toEqual(
        Array.from({ length: 20 }, (_, n) => `${n}`),
      );
      expect(ears.wakeUps.map(({ prev }) => prev)).toEqual([
        claimed.last,
        ...ears.wakeUps.slice(0, -1).map(({ id }) => id),
      ]);
      expect(ears.wakeUps.map(({ id }) => id)).toEqual(await ids(one, claimed.session));
    });

    it('keep the chain over a confirm that empties the mailbox', async () => {
      const ears = new Ears();
      await one.subscribe(bob, ears);
      const { session } = await login(one, bob);
      const alice = new Sender(other, 'ALICE00');
      await alice.send(bob, envelope('a'));
      await until(() => ears.wakeUps.length === 1, { what: 'the first' });
      await one.confirm(session, ears.wakeUps[0]?.id ?? '');
      await alice.send(bob, envelope('b'));
      await until(() => ears.wakeUps.length === 2, { what: 'the second' });
      expect(ears.wakeUps[1]?.prev).toBe(ears.wakeUps[0]?.id);
    });

    it('come for what is stored, never for what is repeated or refused', async () => {
      const ears = new Ears();
      await one.subscribe(bob, ears);
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
      await until(() => ears.wakeUps.some(({ frame }) => text(frame) === 'end'), {
        what: 'the last wake-up',
      });
      expect(ears.wakeUps.map(({ frame }) => text(frame))).toEqual(['a', 'c', 'end']);
    });

    it('never come inside the call that causes them', async () => {
      let inside = true;
      const heard: boolean[] = [];
      const ears = Object.assign(new Ears(), {
        onWakeUp: () => heard.push(inside),
        onClaimed: () => heard.push(inside),
      });
      await one.subscribe(bob, ears);
      const delivered = new Sender(one, 'ALICE00').send(bob, envelope('a'));
      const claimed = one.claim({ code: bob, token: newToken(), protocol: 1 });
      inside = false;
      await Promise.all([delivered, claimed]);
      await until(() => heard.length === 2, { what: 'wake-up and claim' });
      expect(heard).toEqual([false, false]);
    });

    it('come to every listener of a mailbox, and to none of another', async () => {
      const ears = [new Ears(), new Ears(), new Ears(), new Ears()];
      const carol = (await register(one)).code;
      const codes = [bob, bob, bob, carol];
      await Promise.all(
        ears.map((each, index) => (index === 1 ? other : one).subscribe(codes[index] ?? '', each)),
      );
      await new Sender(other, 'ALICE00').send(bob, envelope('a'));
      await new Sender(other, 'ALICE00').send(carol, envelope('b'));
      await until(() => ears.every(({ wakeUps }) => wakeUps.length > 0), { what: 'everybody to hear' });
      expect(ears.map((each) => each.wakeUps.map(({ frame }) => text(frame)))).toEqual([
        ['a'],
        ['a'],
        ['a'],
        ['b'],
      ]);
    });

    it('do not come to who has unsubscribed, while others on the same mailbox hear on', async () => {
      const [left, stayed] = [new Ears(), new Ears()];
      const subscription = await one.subscribe(bob, left);
      await one.subscribe(bob, stayed);
      const alice = new Sender(other, 'ALICE00');
      subscription.unsubscribe();
      subscription.unsubscribe();
      subscription.renew();
      await alice.send(bob, envelope('a'));
      await until(() => stayed.wakeUps.length === 1, { what: 'the one who stayed to hear' });
      expect(left.wakeUps).toEqual([]);
    });

    it('come to the listener that the subscription was handed to, and to the first one no more', async () => {
      const [first, second] = [new Ears(), new Ears()];
      const subscription = await one.subscribe(bob, first);
      const alice = new Sender(other, 'ALICE00');
      await alice.send(bob, envelope('a'));
      await until(() => first.wakeUps.length === 1, { what: 'a wake-up for the first listener' });
      subscription.handTo(second);
      await alice.send(bob, envelope('b'));
      await until(() => second.wakeUps.length === 1, { what: 'a wake-up for the second listener' });
      subscription.unsubscribe();
      await alice.send(bob, envelope('c'));
      expect([first, second].map(({ wakeUps }) => wakeUps.map(({ frame }) => text(frame)))).toEqual([
        ['a'],
        ['b'],
      ]);
    });

    it('come again to who unsubscribes and subscribes in quick succession', async () => {
      const alice = new Sender(other, 'ALICE00');
      for (let round = 0; round < 10; round += 1) {
        const ears = new Ears();
        const subscription = await one.subscribe(bob, ears);
        await alice.send(bob, envelope(`${round}`));
        await until(() => ears.wakeUps.length === 1, { what: `wake-up ${round}` });
        subscription.unsubscribe();
      }
    });

    it('come on after a renewal', async () => {
      const ears = new Ears();
      const subscription = await one.subscribe(bob, ears);
      subscription.renew();
      await new Sender(other, 'ALICE00').send(bob, envelope('a'));
      await until(() => ears.wakeUps.length > 0 || ears.looks > 0, { what: 'a wake-up or a look' });
    });
  });

  describe('an engine that does not run', () => {
    const nodes = new Nodes(backend);
    afterEach(() => nodes.end());

    it('is not ready, says why, and rejects every call as unavailable', async () => {
      const node = backend.node({ ...LIMITS });
      expect(node.health()).toMatchObject({ ready: false, reason: expect.stringContaining('not running') });
      const session = { code: '0000000', token: newToken(), epoch: 1, protocol: 1 } as const;
      const calls = [
        () => node.register({ ecdhPublicKey: 'a', eddsaPublicKey: 'b', name: null, proof: null }),
        () => node.findUser(session.code),
        () => node.subscribe(session.code, new Ears()),
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

    it('is ready once started, and silent once closed', async () => {
      const node = await nodes.start({ ...LIMITS });
      expect(node.health().ready).toBe(true);
      const { code } = await register(node);
      const ears = new Ears();
      await node.subscribe(code, ears);
      const { session } = await login(node, code);
      await until(() => ears.claims.length === 1, { what: 'its own claim' });
      await node.close();
      expect(node.health().ready).toBe(false);
      await expect(texts(node, session)).rejects.toThrow(EngineUnavailable);
      expect(ears.wakeUps).toEqual([]);
    });
  });
}
