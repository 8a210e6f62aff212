import { describe, expect, it } from 'vitest';
import type { DeliverOutcome, Engine } from '../../../src/engine/engine.ts';
import { type Backend, LIMITS } from '../backends.ts';
import { envelope, frame, ids, login, nodesForTests, register, Sender, texts } from '../fixture.ts';

const size = frame('12345').length;
/** 3 of 12 envelopes, 3 of 12 frames' bytes. */
const QUARTER = { ...LIMITS, mailboxEnvelopes: 12, mailboxSharePercent: 25 };

/** The share of one sender in one mailbox. */
export function shares(backend: Backend): void {
  describe('the share of one sender', () => {
    const nodes = nodesForTests(backend);

    const several = (count: number, text = 'x') => Array.from({ length: count }, () => envelope(text));
    const stored = (count: number): DeliverOutcome[] => Array(count).fill('stored');
    const confirm = async (node: Engine, code: string, count: number) => {
      const { session } = await login(node, code);
      const waiting = await ids(node, session);
      expect(await node.confirm(session, waiting[count - 1] ?? '')).toBe('held');
    };

    it('limits one sender: others can still fill the rest of the mailbox', async () => {
      const node = await nodes.start({ ...QUARTER });
      const { code } = await register(node);
      const senders = ['ALICE00', 'CAR0100', 'DAVE000', 'EVE0000', 'FRANK00'];
      const [alice, ...others] = senders.map((name) => new Sender(node, name));
      expect(await alice?.send(code, ...several(5))).toEqual([...stored(3), 'share_full', 'share_full']);
      for (const other of others.slice(0, 3))
        expect(await other.send(code, ...several(3))).toEqual(stored(3));
      // If both limits are reached, the answer is that of the mailbox.
      expect(await alice?.send(code, envelope('y'))).toEqual(['mailbox_full']);
      expect(await others[3]?.send(code, envelope('y'))).toEqual(['mailbox_full']);
      expect(await texts(node, (await login(node, code)).session)).toHaveLength(12);
    });

    it('becomes free as the recipient confirms, envelope by envelope, for the sender of each', async () => {
      const { node, code, alice } = await nodes.mailbox({ ...QUARTER });
      const carol = new Sender(node, 'CAR0100');
      await alice.send(code, envelope('a'));
      await carol.send(code, ...several(3));
      await alice.send(code, ...several(2));
      expect(await alice.send(code, envelope('b'))).toEqual(['share_full']);
      await confirm(node, code, 1);
      expect(await carol.send(code, envelope('c'))).toEqual(['share_full']);
      expect(await alice.send(code, envelope('b'), envelope('b'))).toEqual(['stored', 'share_full']);
      await confirm(node, code, 2);
      expect(await alice.send(code, envelope('b'))).toEqual(['share_full']);
      expect(await carol.send(code, ...several(3))).toEqual([...stored(2), 'share_full']);
    });

    it('is free again when the mailbox is empty', async () => {
      const { node, code, alice } = await nodes.mailbox({ ...QUARTER });
      for (let round = 0; round < 3; round += 1) {
        expect(await alice.send(code, ...several(4))).toEqual([...stored(3), 'share_full']);
        await confirm(node, code, 3);
      }
    });

    it('counts the bytes of frames too, but one envelope may wait however large it is', async () => {
      const { node, code, alice } = await nodes.mailbox({
        ...LIMITS,
        mailboxBytes: 12 * size,
        mailboxSharePercent: 25,
      });
      const outcomes = await alice.send(code, ...several(2, '12345'), envelope('123456'), envelope('12345'));
      expect(outcomes).toEqual(['stored', 'stored', 'share_full', 'stored']);
      const large = envelope('x'.repeat(5 * size));
      const carol = new Sender(node, 'CAR0100');
      expect(await carol.send(code, large, envelope(''))).toEqual(['stored', 'share_full']);
      await confirm(node, code, 4);
      expect(await carol.send(code, envelope(''))).toEqual(['stored']);
    });

    it('of a small mailbox is at least one envelope', async () => {
      const node = await nodes.start({ ...LIMITS, mailboxEnvelopes: 4, mailboxSharePercent: 1 });
      const { code } = await register(node);
      for (const name of ['ALICE00', 'CAR0100', 'DAVE000']) {
        expect(await new Sender(node, name).send(code, ...several(2))).toEqual(['stored', 'share_full']);
      }
    });

    it('is not used up by a repeat, which is answered as before', async () => {
      const { node, code, alice } = await nodes.mailbox({ ...QUARTER });
      await alice.send(code, envelope('a', '1'), ...several(2));
      expect(await alice.send(code, envelope('a', '1'), envelope('a', '1', 'other'))).toEqual([
        'repeated',
        'id_conflict',
      ]);
      // A refused id is not remembered.
      expect(await alice.send(code, envelope('b', '2'))).toEqual(['share_full']);
      await confirm(node, code, 1);
      expect(await alice.send(code, envelope('c', '2'))).toEqual(['stored']);
    });

    it('becomes free when envelopes expire', async () => {
      const { code, alice } = await nodes.mailbox({ ...QUARTER, mailboxTtlMs: 300 });
      await alice.send(code, ...several(3));
      const started = performance.now();
      await expect.poll(() => alice.send(code, envelope('b')), { timeout: 5_000 }).toEqual(['stored']);
      expect(performance.now() - started).toBeGreaterThan(200);
    });

    it('is exact over hundreds of envelopes of many senders, of which some leave', async () => {
      const limits = { ...LIMITS, mailboxEnvelopes: 1_000, mailboxSharePercent: 30 };
      const node = await nodes.start(limits);
      const { code } = await register(node);
      const senders = Array.from(
        { length: 40 },
        (_, n) => new Sender(node, `S${String(n).padStart(6, '0')}`),
      );
      const [alice] = senders;
      for (let round = 0; round < 5; round += 1) {
        for (const sender of senders) expect(await sender.send(code, ...several(3))).toEqual(stored(3));
      }
      for (let left = 285; left > 0; left -= 57)
        expect(await alice?.send(code, ...several(57))).toEqual(stored(57));
      expect(await alice?.send(code, envelope('y'))).toEqual(['share_full']);
      // Five rounds of 120, of which the first 100 leave: one of Alice's three.
      await confirm(node, code, 1);
      expect(await alice?.send(code, ...several(2))).toEqual(['stored', 'share_full']);
      await confirm(node, code, 119);
      expect(await alice?.send(code, ...several(3))).toEqual([...stored(2), 'share_full']);
    });
  });
}
