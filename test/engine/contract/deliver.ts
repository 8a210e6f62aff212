import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { type Backend, LIMITS } from '../backends.ts';
import { envelope, frame, ids, login, nodesForTests, register, Sender, texts } from '../fixture.ts';

/** Order fence, duplicates, quota: the outcome of each envelope of a batch. */
export function deliver(backend: Backend): void {
  describe('deliver', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    let bob: string;
    beforeEach(async () => {
      node = await nodes.start();
      bob = (await register(node)).code;
    });

    const waiting = async () => texts(node, (await login(node, bob)).session);

    it('stores every byte of every frame, in the order of the batch', async () => {
      // Every ASCII byte, and the first and last code points of each length of UTF-8.
      const ascii = String.fromCharCode(...Array.from({ length: 128 }, (_, byte) => byte));
      const edges = String.fromCodePoint(
        0x80,
        0x7ff,
        0x800,
        0xd7ff,
        0xe000,
        0xfeff,
        0xffff,
        0x10000,
        0x10ffff,
      );
      const frames = [frame(ascii + edges), frame('ü 🦊 \r\n$5\r\n'), Buffer.alloc(70_000, 'x'), frame('')];
      const envelopes = frames.map((one) => ({ frame: one, dedupe: null }));
      expect(await new Sender(node, 'ALICE00').send(bob, ...envelopes)).toEqual(Array(4).fill('stored'));
      const { session } = await login(node, bob);
      const result = await node.read({ session, after: null, maxEnvelopes: 10, maxBytes: 1e6 });
      if (result.state !== 'held') throw new Error(result.state);
      const same = result.envelopes.map((stored, index) =>
        stored.frame?.equals(frames[index] ?? Buffer.of()),
      );
      expect(same).toEqual([true, true, true, true]);
    });

    it('keeps the order of one sender over many batches, and of several senders among themselves', async () => {
      const other = await nodes.start();
      const senders = [new Sender(node, 'ALICE00'), new Sender(other, 'CAR0100')];
      await Promise.all(
        senders.map(async (sender, index) => {
          for (let n = 0; n < 30; n += 2) {
            await sender.send(bob, envelope(`${index}:${n}`), envelope(`${index}:${n + 1}`));
          }
        }),
      );
      const all = await waiting();
      for (const index of [0, 1]) {
        const own = all.filter((text) => text.startsWith(`${index}:`));
        expect(own).toEqual(Array.from({ length: 30 }, (_, n) => `${index}:${n}`));
      }
    });

    it('answers recipient_unknown for each envelope to an unknown code, and keeps nothing of them', async () => {
      const outcomes = await new Sender(node, 'ALICE00').send('0000000', envelope('a', 'x'), envelope('b'));
      expect(outcomes).toEqual(['recipient_unknown', 'recipient_unknown']);
    });

    it('answers a repeated batch as before and stores nothing twice, with or without ids', async () => {
      const sender = new Sender(node, 'ALICE00');
      const other = await nodes.start();
      const batch = [
        envelope('a'),
        envelope('b', 'x'),
        envelope('c', 'x', 'other bytes'),
        envelope('b', 'x'),
      ];
      const outcomes = await sender.sendAs(1, bob, ...batch);
      expect(outcomes).toEqual(['stored', 'stored', 'id_conflict', 'repeated']);
      expect(await new Sender(other, 'ALICE00').sendAs(1, bob, ...batch)).toEqual(outcomes);
      expect(await waiting()).toEqual(['a', 'b']);
      // Also if its envelopes have been confirmed meanwhile.
      const { session, last } = await login(node, bob);
      await node.confirm(session, last);
      expect(await sender.sendAs(1, bob, ...batch)).toEqual(outcomes);
      expect(await waiting()).toEqual([]);
    });

    it('refuses a batch behind a later one of the same session', async () => {
      const sender = new Sender(node, 'ALICE00');
      await sender.sendAs(2, bob, envelope('second'));
      expect(await sender.sendAs(1, bob, envelope('first'), envelope('too'))).toEqual(['stale', 'stale']);
      expect(await sender.sendAs(3, bob, envelope('third'))).toEqual(['stored']);
      expect(await waiting()).toEqual(['second', 'third']);
    });

    it('refuses every batch of an older session after one of a newer session, whatever its number', async () => {
      const old = new Sender(node, 'ALICE00', 1_000_000_000_001);
      const young = new Sender(node, 'ALICE00', 1_000_000_000_002);
      await old.sendAs(7, bob, envelope('old'));
      expect(await young.sendAs(1, bob, envelope('new'))).toEqual(['stored']);
      expect(await old.sendAs(8, bob, envelope('late'))).toEqual(['stale']);
      expect(await old.sendAs(7, bob, envelope('old'))).toEqual(['stale']);
      expect(await waiting()).toEqual(['old', 'new']);
    });

    it('stores nothing of a session whose hold was asked for too long ago', async () => {
      const sender = new Sender(node, 'ALICE00');
      sender.heldMsAgo = 61_000;
      expect(await sender.send(bob, envelope('a'), envelope('b'))).toEqual(['late', 'late']);
      sender.heldMsAgo = 0;
      expect(await sender.send(bob, envelope('c'))).toEqual(['stored']);
      expect(await waiting()).toEqual(['c']);
    });

    it('fences each pair separately', async () => {
      const carol = (await register(node)).code;
      await new Sender(node, 'ALICE00').sendAs(9, bob, envelope('a'));
      expect(await new Sender(node, 'DAVE000').sendAs(1, bob, envelope('b'))).toEqual(['stored']);
      expect(await new Sender(node, 'ALICE00').sendAs(1, carol, envelope('c'))).toEqual(['stored']);
    });

    it('recognises a repeated id by its digest, over batches, sessions and nodes', async () => {
      const other = await nodes.start();
      await new Sender(node, 'ALICE00', 1).send(bob, envelope('a', 'x'));
      const next = new Sender(other, 'ALICE00', 2);
      expect(await next.send(bob, envelope('a', 'x'))).toEqual(['repeated']);
      expect(await next.send(bob, envelope('b', 'x'))).toEqual(['id_conflict']);
      expect(await next.send(bob, envelope('b', 'y'))).toEqual(['stored']);
      expect(await waiting()).toEqual(['a', 'b']);
    });

    it('keeps ids apart by sender and by recipient', async () => {
      const carol = (await register(node)).code;
      const alice = new Sender(node, 'ALICE00');
      expect(await alice.send(bob, envelope('a', 'x'))).toEqual(['stored']);
      expect(await alice.send(carol, envelope('b', 'x'))).toEqual(['stored']);
      expect(await new Sender(node, 'DAVE000').send(bob, envelope('c', 'x'))).toEqual(['stored']);
    });

    it('still recognises an id whose envelope was confirmed', async () => {
      const alice = new Sender(node, 'ALICE00');
      await alice.send(bob, envelope('a', 'x'));
      const { session, last } = await login(node, bob);
      expect(await node.confirm(session, last)).toBe('held');
      expect(await alice.send(bob, envelope('a', 'x'))).toEqual(['repeated']);
      expect(await texts(node, session)).toEqual([]);
    });

    it('does not remember an id that was not stored', async () => {
      const { node: small, code, alice } = await nodes.mailbox({ ...LIMITS, mailboxEnvelopes: 1 });
      expect(await alice.send(code, envelope('a'), envelope('b', 'x'))).toEqual(['stored', 'mailbox_full']);
      const { session, last } = await login(small, code);
      await small.confirm(session, last);
      expect(await alice.send(code, envelope('other', 'x'))).toEqual(['stored']);
    });

    it('decides a batch as if its envelopes had come one by one', async () => {
      const small = await nodes.start({ ...LIMITS, mailboxEnvelopes: 3 });
      const { code } = await register(small);
      const outcomes = await new Sender(small, 'ALICE00').send(
        code,
        envelope('a', 'x'),
        envelope('a', 'x'),
        envelope('b', 'x'),
        envelope('c'),
        envelope('d', 'y'),
        envelope('e'),
        envelope('d', 'y'),
      );
      expect(outcomes).toEqual([
        'stored',
        'repeated',
        'id_conflict',
        'stored',
        'stored',
        'mailbox_full',
        'repeated',
      ]);
      expect(await texts(small, (await login(small, code)).session)).toEqual(['a', 'c', 'd']);
    });

    it('refuses envelopes beyond the quota, drops none for them, and accepts more after a confirm', async () => {
      const { node: small, code, alice } = await nodes.mailbox({ ...LIMITS, mailboxEnvelopes: 2 });
      await alice.send(code, envelope('a'));
      expect(await alice.send(code, envelope('b'), envelope('c'))).toEqual(['stored', 'mailbox_full']);
      const { session } = await login(small, code);
      const [first = ''] = await ids(small, session);
      await small.confirm(session, first);
      expect(await alice.send(code, envelope('d'), envelope('e'))).toEqual(['stored', 'mailbox_full']);
      expect(await texts(small, session)).toEqual(['b', 'd']);
    });

    it('counts the bytes of frames exactly, and frees exactly what was confirmed', async () => {
      const size = frame('12345').length;
      const { node: small, code, alice } = await nodes.mailbox({ ...LIMITS, mailboxBytes: 3 * size });
      const outcomes = await alice.send(
        code,
        envelope('12345'),
        envelope('12345'),
        envelope('123456'),
        envelope('12345'),
      );
      expect(outcomes).toEqual(['stored', 'stored', 'mailbox_full', 'stored']);
      const { session } = await login(small, code);
      const [first = '', second = '', third = ''] = await ids(small, session);
      await small.confirm(session, first);
      expect(await alice.send(code, envelope('123456'), envelope('12345'))).toEqual([
        'mailbox_full',
        'stored',
      ]);
      await small.confirm(session, second);
      await small.confirm(session, third);
      expect(await alice.send(code, envelope('12345'), envelope('12345'), envelope('1'))).toEqual([
        'stored',
        'stored',
        'mailbox_full',
      ]);
    });

    it('frees the whole quota when the mailbox is empty', async () => {
      const size = frame('12345').length;
      const {
        node: small,
        code,
        alice,
      } = await nodes.mailbox({ ...LIMITS, mailboxEnvelopes: 4, mailboxBytes: 4 * size });
      const { session } = await login(small, code);
      for (let round = 0; round < 5; round += 1) {
        const outcomes = await alice.send(code, ...Array.from({ length: 5 }, () => envelope('12345')));
        expect(outcomes).toEqual(['stored', 'stored', 'stored', 'stored', 'mailbox_full']);
        await small.confirm(session, (await ids(small, session)).at(-1) ?? '');
      }
    });
  });
}
