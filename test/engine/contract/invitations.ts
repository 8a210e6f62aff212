import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine, EngineLimits, Registration } from '../../../src/engine/engine.ts';
import { invitationId } from '../../../src/engine/verbs/invitations.ts';
import { type Backend, LIMITS } from '../backends.ts';
import { nodesForTests, registration } from '../fixture.ts';

const newHash = (): string => createHash('sha256').update(randomBytes(16)).digest('hex');

/** Who may register. */
export function invitations(backend: Backend): void {
  describe('admission', () => {
    const nodes = nodesForTests(backend);
    let limits: EngineLimits;
    let one: Engine;
    let other: Engine;
    beforeEach(async () => {
      await backend.clear();
      limits = { ...LIMITS };
      one = await nodes.start(limits);
      other = await nodes.start(limits);
    });

    const by = (invitation: string | null, keys = registration()): Registration => ({
      ...keys,
      admission: { invitation },
    });
    const invite = async (uses: number, expiresInMs: number | null = null) => {
      const hash = newHash();
      expect(await one.invitations.create({ hash, uses, expiresInMs, note: 'for friends' })).toBe('created');
      return hash;
    };

    it('by invitation lets in as many as it has uses, and tells the others nothing but no', async () => {
      const hash = await invite(2);
      expect(await one.register(by(hash))).toMatchObject({ outcome: 'created' });
      expect(await other.register(by(hash))).toMatchObject({ outcome: 'created' });
      expect(await one.register(by(hash))).toEqual({ outcome: 'invitation_invalid' });
      expect(await one.register(by(newHash()))).toEqual({ outcome: 'invitation_invalid' });
      expect(await one.register(by(null))).toEqual({ outcome: 'invitation_required' });
      // The id alone admits no account: the whole hash must fit.
      const forged = invitationId(hash).padEnd(64, '0');
      expect(await one.register(by(forged))).toEqual({ outcome: 'invitation_invalid' });
    });

    it('of a registered pair of keys needs nothing, and uses nothing', async () => {
      const known = registration();
      const first = await one.register(known);
      const again = { ...first, outcome: 'existing' };
      const hash = await invite(1);
      expect(await other.register(by(hash, known))).toEqual(again);
      expect(await other.register(by(null, known))).toEqual(again);
      expect(await other.register(by(newHash(), known))).toEqual(again);
      expect(await other.register({ ...known, admission: 'closed' })).toEqual(again);
      expect(await one.register(by(hash))).toMatchObject({ outcome: 'created' });
    });

    it('lets no user into a closed relay', async () => {
      const hash = await invite(1);
      expect(await one.register({ ...registration(), admission: 'closed' })).toEqual({ outcome: 'closed' });
      expect(await one.register(by(hash))).toMatchObject({ outcome: 'created' });
    });

    it('takes no new pair of keys without the work that was asked for, and a known one as ever', async () => {
      const known = registration();
      const unworked = { ...known, admission: 'unworked' } as const;
      expect(await one.register(unworked)).toEqual({ outcome: 'work_required' });
      await one.register(known);
      expect(await other.register(unworked)).toMatchObject({ outcome: 'existing' });
    });

    it('is by a secret that all nodes share', async () => {
      const secrets = await Promise.all([one.control.secret(), other.control.secret()]);
      expect(secrets).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), secrets[0]]);
    });

    it('by one invitation is given out once for each use, however many ask at once', async () => {
      const hash = await invite(3);
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? one : other).register(by(hash))),
      );
      const created = outcomes.filter(({ outcome }) => outcome === 'created');
      expect(created).toHaveLength(3);
      expect(outcomes.filter(({ outcome }) => outcome === 'invitation_invalid')).toHaveLength(9);
    });

    it('uses one for one pair of keys, however many try at once', async () => {
      const hash = await invite(2);
      const known = registration();
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? one : other).register(by(hash, known))),
      );
      expect(outcomes.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === 'existing')).toHaveLength(9);
      expect(await one.register(by(hash))).toMatchObject({ outcome: 'created' });
      expect(await one.register(by(hash))).toEqual({ outcome: 'invitation_invalid' });
    });

    it('ends with the invitation: when it expires, and when it is revoked', async () => {
      // More uses than tries: it must end by its time.
      const brief = await invite(100, 200);
      const revoked = await invite(5);
      expect(await other.invitations.revoke(invitationId(revoked))).toBe(true);
      expect(await other.invitations.revoke(invitationId(revoked))).toBe(false);
      expect(await one.register(by(revoked))).toEqual({ outcome: 'invitation_invalid' });
      await expect
        .poll(() => one.register(by(brief)), { timeout: 5_000 })
        .toEqual({ outcome: 'invitation_invalid' });
      expect((await one.invitations.list(null)).invitations).toEqual([]);
    });

    it('by invitation is listed for operators: uses, note and times, no token', async () => {
      const first = await invite(3, 60_000);
      const second = await invite(1);
      expect(await one.register(by(first))).toMatchObject({ outcome: 'created' });
      const { invitations: listed, next } = await other.invitations.list(null);
      expect(next).toBeNull();
      const time = expect.stringMatching(/^20\d\d-.*\.\d{6}Z$/);
      expect(listed).toEqual([
        { id: invitationId(second), uses: 1, left: 1, note: 'for friends', createdAt: time, expiresAt: null },
        { id: invitationId(first), uses: 3, left: 2, note: 'for friends', createdAt: time, expiresAt: time },
      ]);
    });

    it('lists many page by page, each once', async () => {
      const hashes = await Promise.all(Array.from({ length: 250 }, () => invite(1)));
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const page = await one.invitations.list(after);
        ids.push(...page.invitations.map(({ id }) => id));
        after = page.next;
      } while (after !== null);
      expect(ids.sort()).toEqual(hashes.map(invitationId).sort());
    });
  });
}
