import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine, SessionKey } from '../../../src/engine/engine.ts';
import { isAfter, microseconds } from '../../../src/engine/mailbox-id.ts';
import { until } from '../../support/until.ts';
import { type Backend, LIMITS } from '../backends.ts';
import {
  envelope,
  frame,
  held,
  ids,
  login,
  newSession,
  nodesForTests,
  read,
  Sender,
  texts,
} from '../fixture.ts';
import { otherTag } from './sessions.ts';

/** Ids, reading, confirming, expiry. */
export function mailboxes(backend: Backend): void {
  describe('mailboxes', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    let bob: string;
    let session: SessionKey;
    let alice: Sender;
    beforeEach(async () => {
      node = await nodes.start();
      ({ code: bob, session } = await newSession(node));
      alice = new Sender(node, 'ALICE00');
    });

    it('gives ids of microseconds and 20 random bits that grow strictly, even within a batch', async () => {
      for (let round = 0; round < 20; round += 1)
        await alice.send(bob, envelope('a'), envelope('b'), envelope('c'));
      const all = await ids(node, session);
      expect(all).toHaveLength(60);
      for (const [index, id] of all.entries()) {
        expect(id).toMatch(/^\d{16}-\d{1,7}$/);
        expect(Number(id.split('-')[1])).toBeLessThan(2 ** 20);
        if (index > 0) expect(isAfter(id, all[index - 1] ?? '')).toBe(true);
      }
      expect(new Set(all.map((id) => id.split('-')[1])).size).toBeGreaterThan(15);
      expect(Math.abs(Number(microseconds(all[0] ?? '')) / 1000 - Date.now())).toBeLessThan(60_000);
    });

    it('continues behind the last id after the mailbox was emptied', async () => {
      let last = '0-0';
      for (let round = 0; round < 30; round += 1) {
        await alice.send(bob, envelope(`${round}`));
        const [id = ''] = await ids(node, session);
        expect(isAfter(id, last)).toBe(true);
        last = id;
        expect(await node.confirm(session, id)).toBe('held');
      }
    });

    it('reads behind the cursor, oldest first, without a gap, and returns the newest id', async () => {
      const sent = Array.from({ length: 50 }, (_, n) => `${n}`);
      for (const text of sent) await alice.send(bob, envelope(text));
      const all = await held(node, session);
      expect(all.last).toBe(all.envelopes.at(-1)?.id);
      for (const from of [0, 1, 24, 48, 49]) {
        const page = await held(node, session, all.envelopes[from]?.id);
        expect(page.envelopes).toEqual(all.envelopes.slice(from + 1));
        expect(page.last).toBe(all.last);
      }
      expect(await texts(node, session)).toEqual(sent);
    });

    it('reads no more envelopes than asked for', async () => {
      await alice.send(bob, ...Array.from({ length: 60 }, (_, n) => envelope(`${n}`)));
      for (const maxEnvelopes of [1, 15, 16, 17, 59]) {
        const page = await node.read({ session, after: null, maxEnvelopes, maxBytes: 1e6 });
        expect(page).toMatchObject({ state: 'held', envelopes: { length: maxEnvelopes } });
      }
    });

    it('keeps the byte budget of a read, but always returns one envelope', async () => {
      const size = frame('12345').length;
      await alice.send(bob, ...Array.from({ length: 40 }, () => envelope('12345')));
      const sizes: number[] = [];
      for (const maxBytes of [0, size, 3 * size - 1, 3 * size, 20 * size]) {
        const page = await node.read({ session, after: null, maxEnvelopes: 100, maxBytes });
        sizes.push(page.state === 'held' ? page.envelopes.length : -1);
      }
      expect(sizes).toEqual([1, 1, 2, 3, 20]);
    });

    it('confirms exactly up to the id, for every later read', async () => {
      for (const text of ['a', 'b', 'c', 'd']) await alice.send(bob, envelope(text));
      const [, second = '', third = ''] = await ids(node, session);
      expect(await node.confirm(session, second)).toBe('held');
      expect(await texts(node, session)).toEqual(['c', 'd']);
      // The cursor is on a confirmed envelope: nothing is skipped.
      expect(await texts(node, session, second)).toEqual(['c', 'd']);
      expect(await node.confirm(session, third)).toBe('held');
      expect(await login(node, bob)).toMatchObject({ waiting: 1 });
    });

    it('accepts a repeated confirm of the same or an earlier id', async () => {
      for (const text of ['a', 'b', 'c']) await alice.send(bob, envelope(text));
      const [first = '', second = ''] = await ids(node, session);
      for (const id of [second, second, first]) expect(await node.confirm(session, id)).toBe('held');
      expect(await texts(node, session)).toEqual(['c']);
    });

    it('removes nothing for an id of another history, or one that never existed', async () => {
      for (const text of ['a', 'b']) await alice.send(bob, envelope(text));
      const [first = '', second = ''] = await ids(node, session);
      const future = `${BigInt(microseconds(second)) + 1n}-1`;
      for (const foreign of [otherTag(first), otherTag(second), future, '9999999999999999-1']) {
        expect(await node.confirm(session, foreign)).toBe('gone');
        expect(await read(node, session, foreign)).toEqual({ state: 'gone' });
      }
      for (const malformed of [
        '',
        '-',
        '$',
        '+',
        `${second}x`,
        `${'9'.repeat(400)}-1`,
        '99999999999999999-0',
      ]) {
        expect(await node.confirm(session, malformed)).toBe('gone');
      }
      expect(await texts(node, session)).toEqual(['a', 'b']);
    });

    describe('with dead letters', () => {
      it('lose them from the head, the middle and the tail; the others stay, in order', async () => {
        for (const text of ['a', 'b', 'c', 'd', 'e']) await alice.send(bob, envelope(text));
        const [head = '', , middle = '', , tail = ''] = await ids(node, session);
        for (const id of [middle, tail, head, head])
          expect(await node.deadLetter(session, id, 'unsendable')).toBe('held');
        expect(await texts(node, session)).toEqual(['b', 'd']);
        expect(await login(node, bob)).toMatchObject({ waiting: 2, expired: 0 });
      });

      it('are confirmed and read as if they had never been there', async () => {
        for (const text of ['a', 'b', 'c']) await alice.send(bob, envelope(text));
        const [first = '', second = '', third = ''] = await ids(node, session);
        await node.deadLetter(session, second, 'unsendable');
        expect(await texts(node, session, first)).toEqual(['c']);
        await alice.send(bob, envelope('d'));
        expect(await node.confirm(session, third)).toBe('held');
        expect(await texts(node, session, third)).toEqual(['d']);
        await node.deadLetter(session, (await ids(node, session))[0] ?? '', 'unsendable');
        await alice.send(bob, envelope('e'));
        expect(await texts(node, session, third)).toEqual(['e']);
      });

      it('are read on from a cursor that stands on the oldest entry when that becomes a dead letter', async () => {
        await alice.send(bob, envelope('a'), envelope('b'), envelope('c'));
        const [first = '', second = ''] = await ids(node, session);
        await node.deadLetter(session, first, 'skipped');
        expect(await texts(node, session, first)).toEqual(['b', 'c']);
        await node.confirm(session, second);
        expect(await texts(node, session, second)).toEqual(['c']);
      });

      it('are empty once the last entry is a dead letter, and a session continues from there', async () => {
        await alice.send(bob, envelope('a'), envelope('b'));
        const [first = '', second = ''] = await ids(node, session);
        await node.deadLetter(session, second, 'unsendable');
        expect(await node.confirm(session, first)).toBe('held');
        const { waiting, last, session: next } = await login(node, bob);
        expect([waiting, last]).toEqual([0, second]);
        await alice.send(bob, envelope('c'));
        expect(await texts(node, next, last)).toEqual(['c']);
        expect(await texts(node, next, first)).toEqual(['c']);
      });

      it('have room again for them', async () => {
        const { node, code, alice: sender } = await nodes.mailbox({ ...LIMITS, mailboxEnvelopes: 2 });
        const { session: key } = await login(node, code);
        expect(await sender.send(code, envelope('a'), envelope('b'), envelope('c'))).toEqual([
          'stored',
          'stored',
          'mailbox_full',
        ]);
        await node.deadLetter(key, (await ids(node, key))[1] ?? '', 'unsendable');
        expect(await sender.send(code, envelope('c'))).toEqual(['stored']);
        expect(await texts(node, key)).toEqual(['a', 'c']);
      });

      it('accept them only from the valid session, and only entries that wait there', async () => {
        await alice.send(bob, envelope('a'));
        const [id = ''] = await ids(node, session);
        expect(await node.deadLetter(session, otherTag(id), 'unsendable')).toBe('held');
        await login(node, bob);
        expect(await node.deadLetter(session, id, 'unsendable')).toBe('displaced');
        const { session: now } = await login(node, bob);
        expect(await texts(node, now)).toEqual(['a']);
      });
    });

    it('notices a cursor ahead of the mailbox although newer envelopes have come since', async () => {
      await alice.send(bob, envelope('a'));
      const [id = ''] = await ids(node, session);
      // Lost by a failover: from a history that does not exist any more.
      const lost = `${BigInt(microseconds(id)) + 1n}-7`;
      await alice.send(bob, envelope('b'), envelope('c'));
      expect(await read(node, session, lost)).toEqual({ state: 'gone' });
      expect(await node.confirm(session, lost)).toBe('gone');
      expect(await texts(node, session)).toEqual(['a', 'b', 'c']);
    });

    it('reads on from a cursor whose envelope was confirmed long ago', async () => {
      for (const text of ['a', 'b', 'c']) await alice.send(bob, envelope(text));
      const [first = '', second = ''] = await ids(node, session);
      await node.confirm(session, second);
      expect(await texts(node, session, first)).toEqual(['c']);
    });

    describe('whose envelopes have a lifetime', () => {
      const limits = { ...LIMITS, mailboxTtlMs: 400 };

      it('drops each envelope by its age, and tells the next claim how many, once', async () => {
        const { node: short, code, alice: sender } = await nodes.mailbox(limits);
        await sender.send(code, envelope('a'), envelope('b'));
        const first = await login(short, code);
        expect(first).toMatchObject({ waiting: 2, expired: 0 });
        await until(async () => (await texts(short, first.session)).length === 0, { what: 'expiry' });
        await sender.send(code, envelope('c'));
        expect(await texts(short, first.session)).toEqual(['c']);
        expect(await login(short, code)).toMatchObject({ waiting: 1, expired: 2 });
        expect(await login(short, code)).toMatchObject({ expired: 0 });
      });

      it('tells a claim how many expired without a session, and frees their quota', async () => {
        const { node: short, code, alice: sender } = await nodes.mailbox(limits);
        await sender.send(code, envelope('a'), envelope('b'));
        const sentMs = performance.now();
        await until(() => performance.now() - sentMs > 500, { what: 'the lifetime to pass' });
        const claimed = await login(short, code);
        expect(claimed).toMatchObject({ waiting: 0, expired: 2 });
        // Live from `last`, as after a confirm.
        await sender.send(code, envelope('c'));
        expect(await texts(short, claimed.session, claimed.last)).toEqual(['c']);
      });

      it('makes room for new envelopes, and counts the dropped ones', async () => {
        const { node, code, alice: sender } = await nodes.mailbox({ ...limits, mailboxEnvelopes: 2 });
        await sender.send(code, envelope('a'), envelope('b'));
        await until(async () => (await sender.send(code, envelope('c')))[0] === 'stored', {
          what: 'free quota',
        });
        expect(await login(node, code)).toMatchObject({ waiting: 1, expired: 2 });
      });

      it('lets a session continue whose cursor has expired', async () => {
        const { node: short, code, alice: sender } = await nodes.mailbox(limits);
        const { session: key } = await login(short, code);
        await sender.send(code, envelope('a'), envelope('b'));
        const [first = '', second = ''] = await ids(short, key);
        await until(async () => (await texts(short, key)).length === 0, { what: 'expiry' });
        await sender.send(code, envelope('c'));
        expect(await texts(short, key, first)).toEqual(['c']);
        expect(await texts(short, key, second)).toEqual(['c']);
        expect(await short.confirm(key, second)).toBe('held');
        expect(await texts(short, key)).toEqual(['c']);
      });
    });
  });
}
