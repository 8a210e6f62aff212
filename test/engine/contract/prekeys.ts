import { beforeEach, describe, expect, it } from 'vitest';
import { PREKEY_CLAIMS_MAX } from '../../../src/engine/bounds.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { PrekeyClaim, SignedPrekeys } from '../../../src/engine/verbs/prekeys.ts';
import type { Backend } from '../backends.ts';
import { type Claimed, login, nodesForTests, prekeyBatch, register } from '../fixture.ts';

const codeOf = (number: number) => `C${String(number).padStart(6, '0')}`;

/** Keys for first messages. */
export function prekeys(backend: Backend): void {
  describe('prekeys', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    let bob: string;
    let login1: Claimed;
    beforeEach(async () => {
      await backend.clear();
      node = await nodes.start();
      bob = (await register(node, true)).code;
      login1 = await login(node, bob, 2);
    });

    const publish = (batch: SignedPrekeys, { session, prekeys: { store } } = login1) =>
      node.prekeys.publish(session, batch, store);
    const claim = (claimer: string, id = 'one', at = node) => at.prekeys.claim({ code: bob, claimer, id });
    const indexOf = (claimed: PrekeyClaim) =>
      claimed.outcome === 'claimed' ? claimed.index : claimed.outcome;

    it('are given out one by one, in the batch that their owner signed; a login tells how many are left', async () => {
      expect(login1.prekeys).toMatchObject({ generation: 0, left: 0 });
      expect(await claim('ALICE00')).toEqual({ outcome: 'none' });
      const batch = prekeyBatch(7, 3);
      expect(await publish(batch)).toBe('done');
      expect(await claim('ALICE00')).toEqual({ outcome: 'claimed', batch, index: 0 });
      expect(await claim('CAR0100')).toEqual({ outcome: 'claimed', batch, index: 1 });
      const { prekeys: state } = await login(await nodes.start(), bob, 2);
      expect(state).toEqual({ generation: 7, left: 1, store: login1.prekeys.store });
    });

    it('are not given twice: to the same claim again the same key, from any node; to another claim of a day none', async () => {
      await publish(prekeyBatch(1));
      expect(indexOf(await claim('ALICE00', 'x'))).toBe(0);
      expect(indexOf(await claim('ALICE00', 'x', await nodes.start()))).toBe(0);
      expect(indexOf(await claim('ALICE00', 'y'))).toBeNull();
      expect(indexOf(await claim('CAR0100', 'x'))).toBe(1);
      // Another batch changes nothing of that.
      await publish(prekeyBatch(2));
      expect(indexOf(await claim('ALICE00', 'x'))).toBeNull();
      expect(indexOf(await claim('DAVE000', 'x'))).toBe(0);
    });

    it('are given to each of many claims at once, over several nodes, and then only that of last resort', async () => {
      const batch = prekeyBatch(1);
      await publish(batch);
      const others = [node, await nodes.start()];
      const claims = Array.from({ length: 25 }, (_, number) =>
        claim(codeOf(number), 'one', others[number % others.length]),
      );
      const indices = (await Promise.all(claims)).map(indexOf);
      const given = indices.filter((index) => index !== null);
      expect(given.sort((one, other) => Number(one) - Number(other))).toEqual([...batch.keys.keys()]);
      expect(indices).toHaveLength(25);
      expect((await login(node, bob, 2)).prekeys.left).toBe(0);
    });

    it('are replaced by a higher generation only; the same batch again changes nothing', async () => {
      const batch = prekeyBatch(5);
      await publish(batch);
      await claim('ALICE00');
      expect(await publish(batch)).toBe('done');
      expect((await login(node, bob, 2)).prekeys).toMatchObject({ generation: 5, left: 19 });
      login1 = await login(node, bob, 2);
      expect(await publish(prekeyBatch(5))).toBe('stale');
      expect(await publish(prekeyBatch(4))).toBe('stale');
      const next = prekeyBatch(6, 1);
      expect(await publish(next)).toBe('done');
      expect(await claim('CAR0100')).toEqual({ outcome: 'claimed', batch: next, index: 0 });
    });

    it('are taken only from the holder of the session, for the history that its login named', async () => {
      const batch = prekeyBatch(1);
      expect(await node.prekeys.publish(login1.session, batch, 'another')).toBe('elsewhere');
      const { session, prekeys: state } = login1;
      await login(node, bob, 2);
      expect(await node.prekeys.publish(session, batch, state.store)).toBe('displaced');
      expect(await claim('ALICE00')).toEqual({ outcome: 'none' });
    });

    it('cannot all be claimed by strangers: in a day there are so many, whatever is published', async () => {
      for (let generation = 1; generation <= PREKEY_CLAIMS_MAX / 20 + 1; generation += 1) {
        await publish(prekeyBatch(generation));
        for (let number = 0; number < 20; number += 1) await claim(codeOf(generation * 100 + number));
      }
      expect((await login(node, bob, 2)).prekeys.left).toBe(20);
      expect(indexOf(await claim('ALICE00'))).toBeNull();
    });

    it('go with the account; an unknown, a banned and a deleted user look alike', async () => {
      await publish(prekeyBatch(1));
      await claim('ALICE00');
      expect(await node.prekeys.claim({ code: '0000000', claimer: 'ALICE00', id: 'a' })).toEqual({
        outcome: 'unknown_user',
      });
      const carol = (await register(node, true)).code;
      await node.operators.ban(carol, { forMs: null, reason: '' });
      expect(await node.prekeys.claim({ code: carol, claimer: 'ALICE00', id: 'a' })).toEqual({
        outcome: 'unknown_user',
      });
      expect(await node.leave(login1.session)).toBe('left');
      expect(await claim('CAR0100')).toEqual({ outcome: 'unknown_user' });
    });
  });
}
