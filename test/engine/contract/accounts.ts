import { beforeEach, describe, expect, it } from 'vitest';
import { UNCLAIMED_TTL_MS } from '../../../src/engine/bounds.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { isCode } from '../../../src/protocol/codes.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import { created, key, login, newToken, nodesForTests, PROOF, register, registration } from '../fixture.ts';

/** Registration and `findUser`. */
export function accounts(backend: Backend): void {
  describe('accounts', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    beforeEach(async () => {
      await backend.clear();
      node = await nodes.start();
    });

    it('numbers users from 1, each with a unique code and the time in microseconds', async () => {
      const request = registration({ name: 'Zoë 🦊' });
      const result = await node.register(request);
      expect(result).toEqual({
        outcome: 'created',
        user: {
          id: 1,
          code: expect.toSatisfy(isCode),
          name: 'Zoë 🦊',
          ecdhPublicKey: request.ecdhPublicKey,
          eddsaPublicKey: request.eddsaPublicKey,
          proof: null,
          createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        },
      });
      const second = await register(node);
      expect(second.id).toBe(2);
      expect(result).not.toHaveProperty('user.code', second.code);
      expect(Math.abs(Date.parse(second.createdAt) - Date.now())).toBeLessThan(60_000);
    });

    it('finds users by code, and null for any other code', async () => {
      const user = await register(node);
      expect(await node.findUser(user.code)).toEqual({ ...user, claimed: false, minProtocol: 1 });
      expect(await node.findUser('0000000')).toBeNull();
    });

    it('answers the same pair of keys with the same user, unchanged, from any node', async () => {
      const request = registration({ name: 'Alice' });
      const first = await node.register(request);
      const again = await (await nodes.start()).register({ ...request, name: 'Mallory' });
      expect(again).toEqual({ ...first, outcome: 'existing' });
    });

    it('creates one account for one key that registers many times at once', async () => {
      const other = await nodes.start();
      const request = registration();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? node : other).register(request)),
      );
      const codes = new Set(results.map((result) => ('user' in result ? result.user.code : result.outcome)));
      expect(codes.size).toBe(1);
      expect(results.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
      expect(results.filter(({ outcome }) => outcome === 'existing')).toHaveLength(19);
    });

    it('lets only a proof take over an unclaimed account: new key and name, same code and id', async () => {
      const squatter = registration({ name: 'Mallory' });
      const squatted = await created(node, squatter);
      const owner = { ...squatter, ecdhPublicKey: key(), name: 'Alice' };
      expect(await node.register(owner)).toEqual({ outcome: 'unproven' });
      const user = { ...squatted, name: 'Alice', ecdhPublicKey: owner.ecdhPublicKey };
      const proof = PROOF;
      const replaced = { outcome: 'replaced', user: { ...user, proof } };
      expect(await node.register({ ...owner, proof })).toEqual(replaced);
      expect(await node.findUser(user.code)).toMatchObject({ ...user, proof, claimed: true });
      // The squatter is locked out, with or without proof: the account is claimed.
      expect(await node.register({ ...squatter, proof: PROOF })).toEqual({ outcome: 'claimed' });
    });

    it('claims by a proof at registration, at once or later', async () => {
      const proven = await register(node, true);
      expect(await node.findUser(proven.code)).toMatchObject({ claimed: true });
      const request = registration();
      const { code } = await created(node, request);
      expect(await node.findUser(code)).toMatchObject({ claimed: false });
      expect(await node.register({ ...request, proof: PROOF })).toMatchObject({
        outcome: 'existing',
      });
      expect(await node.findUser(code)).toMatchObject({ claimed: true });
    });

    it('keeps the first proof of a pair of keys and tells it to everybody', async () => {
      const request = registration();
      const { code } = await created(node, request);
      const proof = '12'.repeat(64);
      expect(await node.register({ ...request, proof })).toMatchObject({ user: { proof } });
      expect(await node.register({ ...request, proof: '34'.repeat(64) })).toMatchObject({ user: { proof } });
      expect(await node.register(request)).toMatchObject({ user: { proof } });
      expect(await (await nodes.start()).findUser(code)).toMatchObject({ proof });
    });

    it('claims by the first login: another ecdh key is refused from then on', async () => {
      const request = registration();
      const { code } = await created(node, request);
      await login(node, code);
      expect(await node.findUser(code)).toMatchObject({ claimed: true, minProtocol: 1 });
      expect(await node.register({ ...request, ecdhPublicKey: key(), proof: PROOF })).toEqual({
        outcome: 'claimed',
      });
      expect(await node.register(request)).toMatchObject({ outcome: 'existing' });
    });

    it('refuses new accounts beyond maxUsers, says when one expires, and still answers and claims existing ones', async () => {
      const limits = { ...LIMITS, maxUsers: 3 };
      const node = await nodes.start(limits);
      const request = registration();
      const first = await node.register(request);
      await register(node, true);
      const third = await register(node);
      const full = await node.register(registration());
      expect(full).toMatchObject({ outcome: 'full', why: 'users' });
      const expiryInMs = 'expiryInMs' in full ? (full.expiryInMs ?? 0) : 0;
      expect(expiryInMs).toBeGreaterThan(UNCLAIMED_TTL_MS - 60_000);
      expect(expiryInMs).toBeLessThanOrEqual(UNCLAIMED_TTL_MS);
      await login(node, third.code);
      const proof = PROOF;
      expect(await node.register(registration({ proof }))).toMatchObject({ outcome: 'full' });
      expect(await node.register(request)).toEqual({ ...first, outcome: 'existing' });
      expect(await node.register({ ...request, proof })).toMatchObject({ outcome: 'existing' });
      const never = { outcome: 'full', why: 'users', expiryInMs: null };
      await expect.poll(() => node.register(registration())).toEqual(never);
    });

    it('counts a claimed account once, however often it logs in', async () => {
      const limits = { ...LIMITS, maxUsers: 2 };
      const node = await nodes.start(limits);
      const user = await register(node);
      for (let index = 0; index < 5; index += 1) await login(node, user.code);
      await until(async () => (await node.register(registration())).outcome === 'created', {
        what: 'the second of two places',
      });
      expect(await node.register(registration())).toMatchObject({ outcome: 'full', why: 'users' });
    });

    it('knows no user by an unknown code: claim, reclaim, read, confirm and release change nothing', async () => {
      const session = { code: '0000000', token: newToken(), epoch: 1, protocol: 1 } as const;
      expect(await node.claim({ code: session.code, token: session.token, protocol: 1 })).toEqual({
        outcome: 'unknown_user',
      });
      expect(await node.reclaim(session, null)).toBe('unknown_user');
      expect(await node.read({ session, after: null, maxEnvelopes: 1, maxBytes: 1 })).toEqual({
        state: 'unknown_user',
      });
      expect(await node.confirm(session, '1-1')).toBe('unknown_user');
      await node.release(session);
      expect(await node.findUser(session.code)).toBeNull();
    });
  });
}
