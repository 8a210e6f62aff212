import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine, EngineLimits } from '../../../src/engine/engine.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import {
  created,
  envelope,
  key,
  listening,
  login,
  newSession,
  newToken,
  nodesForTests,
  PROOF,
  read,
  register,
  registration,
  Sender,
  texts,
} from '../fixture.ts';

/** Leaving, and what operators do with users. */
export function operators(backend: Backend): void {
  describe('operators and leaving', () => {
    const nodes = nodesForTests(backend);
    /** Nodes with the same object share a store, also in memory. */
    let limits: EngineLimits;
    let one: Engine;
    let other: Engine;
    let alice: Sender;
    beforeEach(async () => {
      await backend.clear();
      limits = { ...LIMITS, maxUsers: 3 };
      one = await nodes.start(limits);
      other = await nodes.start(limits);
      alice = new Sender(one, 'A11CE00');
    });

    const claim = (node: Engine, code: string) => node.claim({ code, token: newToken(), protocol: 2 });

    it('ban a user: the session ends, and neither login nor mail gets in until unban', async () => {
      const { code, session } = await newSession(one, { proven: true });
      const listener = await listening(one, code);
      expect(await other.operators.ban(code, { forMs: null, reason: 'spam' })).toBe(true);
      await until(() => listener.claims.length > 0, { what: 'the session to be told' });
      expect(await read(one, session)).toEqual({ state: 'banned' });
      expect(await one.confirm(session, '0-0')).toBe('banned');
      expect(await one.reclaim(session, null)).toBe('banned');
      expect(await one.people.block(session, 'EVE0000')).toBe('banned');
      expect(await claim(one, code)).toEqual({ outcome: 'banned', untilMs: null });
      expect(await alice.send(code, envelope('a'))).toEqual(['recipient_unknown']);
      expect(await one.findUser(code)).toMatchObject({ code });
      expect(await one.operators.show(code)).toMatchObject({
        node: null,
        ban: { until: null, reason: 'spam' },
      });
      expect(await one.operators.unban(code)).toBe(true);
      expect(await alice.send(code, envelope('b'))).toEqual(['stored']);
      expect(await claim(other, code)).toMatchObject({ outcome: 'claimed', waiting: 1 });
      expect(await one.operators.show(code)).toMatchObject({ ban: null });
    });

    it('ban for a while: then everything is as before', async () => {
      const { code, session } = await newSession(one, { proven: true });
      await one.operators.ban(code, { forMs: 500, reason: '' });
      const banned = await claim(one, code);
      expect(banned).toMatchObject({ outcome: 'banned' });
      const untilMs = 'untilMs' in banned ? (banned.untilMs ?? 0) : 0;
      expect(Math.abs(untilMs - Date.now() - 500)).toBeLessThan(5_000);
      await expect.poll(() => alice.send(code, envelope('a')), { timeout: 5_000 }).toEqual(['stored']);
      expect((await claim(one, code)).outcome).toBe('claimed');
      expect(await read(one, session)).toEqual({ state: 'displaced' });
    });

    it('disconnect a user, who may log in again at once', async () => {
      const { code, session } = await newSession(one, { proven: true });
      const listener = await listening(one, code);
      expect(await other.operators.disconnect(code)).toBe(true);
      await until(() => listener.claims.length > 0, { what: 'the session to be told' });
      expect(await read(one, session)).toEqual({ state: 'ended' });
      expect(await one.reclaim(session, null)).toBe('ended');
      expect((await claim(one, code)).outcome).toBe('claimed');
    });

    it('purge what waits: the session goes on behind it', async () => {
      const { code, session } = await newSession(one, { proven: true });
      await alice.send(code, envelope('a'), envelope('b'));
      expect(await other.operators.purge(code)).toBe(2);
      expect(await texts(one, session)).toEqual([]);
      await alice.send(code, envelope('c'));
      expect(await texts(one, session)).toEqual(['c']);
      expect(await one.operators.show(code)).toMatchObject({ waiting: { envelopes: 1 } });
    });

    it('see when users came, what waits for them and where they are', async () => {
      const { code, eddsaPublicKey } = await register(one, true);
      expect(await one.operators.show(code)).toMatchObject({
        code,
        claimed: true,
        minProtocol: 1,
        lastLoginAt: null,
        waiting: { envelopes: 0, bytes: 0, since: null },
        node: null,
        ban: null,
      });
      await alice.send(code, envelope('a'));
      await login(one, code, 2);
      const card = await other.operators.show(code);
      expect(card).toMatchObject({
        minProtocol: 2,
        lastLoginAt: expect.stringMatching(/^20.*Z$/),
        waiting: { envelopes: 1, bytes: envelope('a').frame.length, since: expect.stringMatching(/^20.*Z$/) },
        node: expect.any(String),
      });
      expect(await one.operators.findByKey(eddsaPublicKey)).toBe(code);
      expect(await one.operators.findByKey(key())).toBeNull();
      expect(await one.operators.show('0000000')).toBeNull();
    });

    it('list every user, page by page', async () => {
      limits = { ...LIMITS, maxUsers: 100 };
      one = await nodes.start(limits);
      const codes = await Promise.all(Array.from({ length: 20 }, async () => (await register(one)).code));
      const listed: string[] = [];
      let after: string | null = null;
      do {
        const page = await one.operators.list(after);
        listed.push(...page.items.map((card) => card.code));
        after = page.next;
      } while (after !== null);
      expect([...new Set(listed)].sort()).toEqual(codes.sort());
    });

    it('see reports, the newest first; a repeated one is one, and one reporter files one a minute', async () => {
      const { reports } = one.operators;
      const envelopes = [{ data: '{}', signature: PROOF }];
      const about = { code: 'EVE0000', key: key(), reason: 'spam' };
      const first = { id: 'r', reporter: 'B0B0000', ...about, envelopes };
      const second = { ...first, reporter: 'A11CE00' };
      expect(await reports.file(first)).toBe('filed');
      expect(await reports.file(second)).toBe('filed');
      expect(await other.operators.reports.file(first)).toBe('filed');
      expect(await other.operators.reports.file({ ...first, id: 's' })).toBe('early');
      const { items, next } = await other.operators.reports.page(null);
      const at = expect.stringMatching(/^20.*Z$/);
      expect({ items, next }).toEqual({
        items: [
          { at, ...second },
          { at, ...first },
        ],
        next: null,
      });
    });

    it('change nothing where no user has the code', async () => {
      const { operators } = one;
      expect(await operators.ban('0000000', { forMs: null, reason: '' })).toBe(false);
      expect(await operators.unban('0000000')).toBe(false);
      expect(await operators.disconnect('0000000')).toBe(false);
      expect(await operators.remove('0000000')).toBe(false);
      expect(await operators.purge('0000000')).toBeNull();
      expect(await one.findUser('0000000')).toBeNull();
    });

    it.each(['the user leaves', 'an operator deletes'])(
      'nothing is left when %s, and the code is never given again',
      async (how) => {
        const keys = registration({ proof: PROOF });
        const { code } = await created(one, keys);
        await register(one, true);
        await register(one, true);
        expect(await one.register({ ...keys, eddsaPublicKey: key() })).toMatchObject({ outcome: 'full' });
        const { session } = await login(one, code);
        await one.people.block(session, 'EVE0000');
        await alice.send(code, envelope('a', 'x'));
        if (how === 'the user leaves') expect(await one.leave(session)).toBe('left');
        else expect(await other.operators.remove(code)).toBe(true);
        expect(await one.findUser(code)).toBe('gone');
        expect(await other.operators.show(code)).toBe('gone');
        expect(await alice.send(code, envelope('b'))).toEqual(['recipient_unknown']);
        expect(await claim(one, code)).toEqual({ outcome: 'unknown_user' });
        expect(await read(one, session)).toEqual({ state: 'unknown_user' });
        expect(await one.leave(session)).toBe('unknown_user');
        expect(await one.operators.remove(code)).toBe(false);
        await one.release(session);
        // The same keys make another account, on the place that is free again.
        let again = await one.register(keys);
        await until(
          async () => {
            if (again.outcome === 'full') again = await one.register(keys);
            return again.outcome !== 'full';
          },
          { what: 'the place to be free' },
        );
        expect(again).toMatchObject({ outcome: 'created' });
        expect(again).not.toHaveProperty('user.code', code);
        expect(await one.register({ ...keys, eddsaPublicKey: key() })).toMatchObject({ outcome: 'full' });
      },
    );

    it('a displaced session cannot delete the account, nor change its key', async () => {
      const { code, session } = await newSession(one, { proven: true });
      const newer = await login(other, code);
      expect(await one.leave(session)).toBe('displaced');
      expect(await one.rotate(session, key(), PROOF)).toBe('displaced');
      expect(await other.findUser(code)).toMatchObject({ code });
      expect(await other.leave(newer.session)).toBe('left');
    });

    it('a rotated key is what others look up, with its proof, and what the account is registered by', async () => {
      const user = await register(one, true);
      const { session } = await login(one, user.code);
      const [ecdhPublicKey, proof] = [key(), 'cd'.repeat(64)];
      expect(await one.rotate(session, ecdhPublicKey, proof)).toBe('done');
      expect(await other.findUser(user.code)).toMatchObject({ ...user, ecdhPublicKey, proof });
      const registration = { eddsaPublicKey: user.eddsaPublicKey, name: null, proof };
      expect(await other.register({ ...registration, ecdhPublicKey })).toMatchObject({ outcome: 'existing' });
      expect(await other.register({ ...registration, ecdhPublicKey: user.ecdhPublicKey })).toEqual({
        outcome: 'claimed',
      });
    });
  });
}
