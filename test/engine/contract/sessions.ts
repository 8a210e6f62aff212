import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { until } from '../../support/until.ts';
import type { Backend } from '../backends.ts';
import {
  envelope,
  held,
  ids,
  listening,
  login,
  newSession,
  newToken,
  nodesForTests,
  RecordingListener,
  read,
  register,
  Sender,
  texts,
} from '../fixture.ts';

/** claim, reclaim, release; only the valid session reads and confirms. */
export function sessions(backend: Backend): void {
  describe('sessions', () => {
    const nodes = nodesForTests(backend);
    let one: Engine;
    let other: Engine;
    beforeEach(async () => {
      one = await nodes.start();
      other = await nodes.start();
    });

    it('gives each claim a higher epoch and displaces the previous one, on any node', async () => {
      const { code } = await register(one);
      const first = await login(one, code);
      const second = await login(other, code);
      expect(second.session.epoch).toBeGreaterThan(first.session.epoch);
      // And higher than any that a failover may have made the store forget: milliseconds since 1970.
      expect(first.session.epoch).toBeGreaterThan(Date.now() - 60_000);
      expect(await read(one, first.session)).toEqual({ state: 'displaced' });
      expect(await one.confirm(first.session, first.last)).toBe('displaced');
      expect(await read(other, second.session)).toMatchObject({ state: 'held' });
    });

    it('notifies every listener of the token of a claim, the new one included', async () => {
      const { code } = await register(one);
      const [first, second] = [new RecordingListener(), new RecordingListener()];
      await one.subscribe(code, first);
      const before = await login(one, code);
      await other.subscribe(code, second);
      const after = await login(other, code);
      await until(() => first.claims.length === 2 && second.claims.length > 0, {
        what: 'both listeners to be notified of the claims',
      });
      expect(first.claims).toEqual([before.session.token, after.session.token]);
      expect(second.claims.at(-1)).toBe(after.session.token);
    });

    it('tells the next claim on which envelope the last session ended, while that waits', async () => {
      const { code } = await register(one);
      const sender = new Sender(other, 'ALICE00');
      await sender.send(code, envelope('a'), envelope('b'));
      const first = await login(one, code);
      expect(first.unconfirmed).toBeNull();
      const [id = ''] = await ids(one, first.session);
      const noted = { id, tries: 2, tooBig: 1, timeouts: 3 };
      await one.release(first.session, noted);
      const second = await login(other, code);
      expect(second.unconfirmed).toEqual(noted);
      // A displaced session notes nothing.
      await one.release(first.session, null);
      await other.release(second.session);
      const third = await login(one, code);
      expect(third.unconfirmed).toEqual(noted);
      await one.release(third.session, null);
      const fourth = await login(one, code);
      expect(fourth.unconfirmed).toBeNull();
      await one.release(fourth.session, noted);
      const fifth = await login(one, code);
      await one.confirm(fifth.session, id);
      await one.release(fifth.session);
      expect((await login(one, code)).unconfirmed).toBeNull();
    });

    it('leaves exactly one valid session when many claim at once', async () => {
      const { code } = await register(one);
      const claims = await Promise.all(
        Array.from({ length: 30 }, (_, index) => login(index % 2 === 0 ? one : other, code)),
      );
      const epochs = new Set(claims.map(({ session }) => session.epoch));
      expect(epochs.size).toBe(30);
      const states = await Promise.all(claims.map(({ session }) => read(one, session)));
      expect(states.filter(({ state }) => state === 'held')).toHaveLength(1);
      const holder = claims[states.findIndex(({ state }) => state === 'held')];
      expect(holder?.session.epoch).toBe(Math.max(...epochs));
    });

    it('tells a claim how many envelopes wait and the last id, and reads them from the start', async () => {
      const { code } = await register(one);
      expect(await login(one, code)).toMatchObject({ waiting: 0, last: '0-0', expired: 0 });
      await new Sender(other, 'ALICE00').send(code, envelope('a'), envelope('b'));
      const claimed = await login(one, code);
      expect(claimed).toMatchObject({ waiting: 2, expired: 0 });
      expect((await ids(one, claimed.session)).at(-1)).toBe(claimed.last);
      expect(await texts(one, claimed.session)).toEqual(['a', 'b']);
    });

    it('is live from `last` if the mailbox is empty, even after envelopes have come and gone', async () => {
      const { code } = await register(one);
      const sender = new Sender(other, 'ALICE00');
      const first = await login(one, code);
      await sender.send(code, envelope('a'));
      const [id = ''] = await ids(one, first.session);
      expect(await one.confirm(first.session, id)).toBe('held');
      const second = await login(one, code);
      expect(second).toMatchObject({ waiting: 0, last: id });
      const listener = await listening(one, code);
      await sender.send(code, envelope('b'));
      await until(() => listener.wakeUps.length === 1, { what: 'the wake-up' });
      expect(listener.wakeUps[0]?.prev).toBe(second.last);
      expect(await texts(one, second.session, second.last)).toEqual(['b']);
    });

    it('reads and confirms with the valid token only: not with a guessed one, nor with an old one after release', async () => {
      const { code } = await register(one);
      await new Sender(other, 'ALICE00').send(code, envelope('a'));
      const { session, last } = await login(one, code);
      const guessed = { ...session, token: newToken() };
      expect(await read(one, guessed)).toEqual({ state: 'displaced' });
      expect(await one.confirm(guessed, last)).toBe('displaced');
      await one.release(guessed);
      expect(await texts(one, session)).toEqual(['a']);
      await one.release(session);
      expect(await read(one, session)).toEqual({ state: 'ended' });
      expect(await one.confirm(session, last)).toBe('ended');
      expect(await login(one, code)).toMatchObject({ waiting: 1 });
    });

    it('does not let a released or displaced session end its successor', async () => {
      const { code } = await register(one);
      const first = await login(one, code);
      const second = await login(other, code);
      await one.release(first.session);
      expect(await held(other, second.session)).toMatchObject({ envelopes: [] });
    });

    it('never displaces by reclaim: the valid session stays valid, and a displaced one stays displaced', async () => {
      const { code } = await register(one);
      const first = await login(one, code);
      expect(await one.reclaim(first.session, null)).toBe('held');
      const second = await login(other, code);
      expect(await one.reclaim(first.session, null)).toBe('displaced');
      expect(await held(other, second.session)).toMatchObject({ envelopes: [] });
      await other.release(second.session);
      expect(await one.reclaim(first.session, null)).toBe('displaced');
      expect(await other.reclaim(second.session, null)).toBe('ended');
    });

    it('restores no session whose epoch is higher on a store that has forgotten nothing', async () => {
      const { code, session } = await newSession(one);
      // As claimed on a master whose clock was ahead, before a failover that lost it and `session` came.
      const lost = { code, token: newToken(), epoch: session.epoch + 10, protocol: 2 } as const;
      expect(await other.reclaim(lost, null)).toBe('displaced');
      expect(await read(other, lost)).toEqual({ state: 'displaced' });
      expect(await held(one, session)).toMatchObject({ envelopes: [] });
      expect(await one.findUser(code)).toMatchObject({ minProtocol: 1 });
    });

    it('answers gone to a reclaim with a cursor that is not of this history', async () => {
      const { code, session } = await newSession(one);
      await new Sender(other, 'ALICE00').send(code, envelope('a'));
      const [id = ''] = await ids(one, session);
      expect(await one.reclaim(session, id)).toBe('held');
      expect(await one.reclaim(session, otherTag(id))).toBe('gone');
    });

    it('closes an account to protocol 1 with its first login by protocol 2, and not before', async () => {
      const { code } = await register(one);
      await login(one, code, 1);
      const second = await login(one, code, 2);
      expect(await one.claim({ code, token: newToken(), protocol: 1 })).toEqual({
        outcome: 'protocol_required',
      });
      expect(await held(one, second.session)).toMatchObject({ envelopes: [] });
      expect(await one.findUser(code)).toMatchObject({ minProtocol: 2 });
      await login(other, code, 2);
    });

    it('opens an account again for an operator, until the next login by protocol 2', async () => {
      const { code } = await register(one);
      await login(one, code, 2);
      expect(await other.reopen(code)).toBe(true);
      await login(one, code, 1);
      await login(one, code, 2);
      expect(await one.claim({ code, token: newToken(), protocol: 1 })).toEqual({
        outcome: 'protocol_required',
      });
      expect(await one.reopen('0000000')).toBe(false);
      expect(await one.findUser('0000000')).toBeNull();
    });
  });
}

/** The same time in another history. */
export function otherTag(id: string): string {
  const [us, tag] = id.split('-');
  return `${us}-${(Number(tag) + 1) % 2 ** 20}`;
}
