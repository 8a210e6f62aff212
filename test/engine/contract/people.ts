import { describe, expect, it } from 'vitest';
import type { DeliverOutcome, Engine, EngineLimits, SessionKey } from '../../../src/engine/engine.ts';
import { type Backend, LIMITS } from '../backends.ts';
import {
  envelope,
  ids,
  listening,
  login,
  newToken,
  nodesForTests,
  register,
  Sender,
  texts,
} from '../fixture.ts';

/** 3 of 12 envelopes: what a sender who is not heard seems to have waiting. */
const SMALL = { ...LIMITS, mailboxEnvelopes: 12, mailboxSharePercent: 25, maxBlocks: 3 };
const request = (text: string, id?: string) => ({ ...envelope(text, id), request: true });

/** Who may write to a user. */
export function people(backend: Backend): void {
  describe('whom a user hears', () => {
    const nodes = nodesForTests(backend);
    let node: Engine;
    let bob: { readonly code: string; readonly session: SessionKey };
    let eve: Sender;
    let alice: Sender;

    /** Nodes with the same object share a store, also in memory. */
    let limits: EngineLimits;

    const start = async (chosen: EngineLimits = { ...SMALL }) => {
      limits = chosen;
      node = await nodes.start(limits);
      const { code } = await register(node, true);
      bob = { code, session: (await login(node, code, 2)).session };
      eve = new Sender(node, 'EVE0000');
      alice = new Sender(node, 'A11CE00');
    };
    const waiting = () => texts(node, bob.session);
    const times = (count: number, outcome: DeliverOutcome): DeliverOutcome[] => Array(count).fill(outcome);

    it('lets everybody write at first; blocking one sender leaves the others as before', async () => {
      await start();
      expect(await eve.send(bob.code, envelope('a'))).toEqual(['stored']);
      expect(await node.people.block(bob.session, 'EVE0000')).toBe('done');
      expect(await eve.send(bob.code, envelope('b'), envelope('c'))).toEqual(['unheard', 'unheard']);
      expect(await alice.send(bob.code, envelope('d'))).toEqual(['stored']);
      expect(await waiting()).toEqual(['a', 'd']);
      expect(await node.people.unblock(bob.session, 'EVE0000')).toBe('done');
      expect(await eve.send(bob.code, envelope('e'))).toEqual(['stored']);
      expect(await waiting()).toEqual(['a', 'd', 'e']);
    });

    it('wakes no session for an envelope that is not heard', async () => {
      await start();
      const listener = await listening(node, bob.code);
      await node.people.block(bob.session, 'EVE0000');
      await eve.send(bob.code, envelope('a'));
      await alice.send(bob.code, envelope('b'));
      await expect.poll(() => listener.wakeUps.length).toBe(1);
      expect(String(listener.wakeUps[0]?.frame)).toContain('"b"');
    });

    it('answers a blocked sender as if the recipient were away: repeats, conflicts, a full share', async () => {
      await start();
      const away = (await register(node, true)).code;
      await node.people.block(bob.session, 'EVE0000');
      const answers = async (to: string) => {
        const sender = new Sender(node, 'EVE0000');
        return [
          await sender.send(to, envelope('a', 'x'), envelope('b')),
          await sender.send(to, envelope('a', 'x'), envelope('other', 'x')),
          await sender.sendAs(1, to, envelope('late')),
          await sender.sendAs(3, to, envelope('c'), envelope('d', 'y'), envelope('e')),
          await sender.sendAs(4, to, envelope('d', 'y')),
        ].map((outcomes) => outcomes.map((each) => (each === 'unheard' ? 'stored' : each)));
      };
      expect(await answers(bob.code)).toEqual(await answers(away));
      expect(await waiting()).toEqual([]);
    });

    it('answers a blocked sender as if the recipient were away where no sender has a share of his own', async () => {
      await start({ ...SMALL, mailboxEnvelopes: 3, mailboxSharePercent: 100 });
      await node.people.block(bob.session, 'EVE0000');
      const sent = await eve.send(bob.code, ...Array.from({ length: 4 }, () => envelope('x')));
      expect(sent).toEqual([...times(3, 'unheard'), 'mailbox_full']);
    });

    it('tells a blocked sender of a mailbox that is full, as it tells everybody', async () => {
      await start({ ...SMALL, mailboxEnvelopes: 2, mailboxSharePercent: 100 });
      await node.people.block(bob.session, 'EVE0000');
      await alice.send(bob.code, envelope('a'), envelope('b'));
      expect(await alice.send(bob.code, envelope('c'))).toEqual(['mailbox_full']);
      expect(await eve.send(bob.code, envelope('c'))).toEqual(['mailbox_full']);
    });

    it('lets a blocked sender seem to have room again when what seemed to wait would have expired', async () => {
      await start({ ...SMALL, mailboxTtlMs: 300 });
      await node.people.block(bob.session, 'EVE0000');
      await eve.send(bob.code, envelope('a'), envelope('b'), envelope('c'));
      expect(await eve.send(bob.code, envelope('d'))).toEqual(['share_full']);
      await expect.poll(() => eve.send(bob.code, envelope('d')), { timeout: 5_000 }).toEqual(['unheard']);
    });

    it('blocks so many and no more, says whom, and is not confused by a repeat', async () => {
      await start();
      for (const code of ['AAAAAAA', 'BBBBBBB', 'AAAAAAA', 'CCCCCCC', 'CCCCCCC']) {
        expect(await node.people.block(bob.session, code)).toBe('done');
      }
      expect(await node.people.block(bob.session, 'DDDDDDD')).toBe('full');
      expect(await blocked(node, bob.session)).toEqual(['AAAAAAA', 'BBBBBBB', 'CCCCCCC']);
      for (const code of ['BBBBBBB', 'BBBBBBB', 'ZZZZZZZ']) {
        expect(await node.people.unblock(bob.session, code)).toBe('done');
      }
      expect(await node.people.block(bob.session, 'DDDDDDD')).toBe('done');
      expect(await node.people.block(bob.session, 'EEEEEEE')).toBe('full');
      expect(await blocked(node, bob.session)).toEqual(['AAAAAAA', 'CCCCCCC', 'DDDDDDD']);
    });

    it('holds over nodes and logins', async () => {
      await start();
      await node.people.block(bob.session, 'EVE0000');
      await node.people.setPolicy(bob.session, 'known', ['A11CE00']);
      const other = await nodes.start(limits);
      const again = await login(other, bob.code, 2);
      expect(again.policy).toBe('known');
      expect(await blocked(other, again.session)).toEqual(['EVE0000']);
      expect(await new Sender(other, 'EVE0000', 2).send(bob.code, envelope('a'))).toEqual(['unheard']);
      expect(await new Sender(other, 'A11CE00', 2).send(bob.code, envelope('a'))).toEqual(['stored']);
    });

    it('by the policy "known" hears a stranger once, if he asks, and then no more', async () => {
      await start();
      expect(await node.people.setPolicy(bob.session, 'known', ['A11CE00'])).toBe('done');
      expect(await eve.send(bob.code, envelope('m'), request('r'), request('again'), envelope('n'))).toEqual([
        'unheard',
        'stored',
        'unheard',
        'unheard',
      ]);
      expect(await alice.send(bob.code, envelope('a'), request('b'), request('c'))).toEqual(
        times(3, 'stored'),
      );
      expect(await waiting()).toEqual(['r', 'a', 'b', 'c']);
      const [first = ''] = await ids(node, bob.session);
      await node.confirm(bob.session, first);
      expect(await eve.send(bob.code, request('later'))).not.toEqual(['stored']);
      expect(await node.people.setPolicy(bob.session, 'anyone', [])).toBe('done');
      expect(await eve.send(bob.code, envelope('open'))).toEqual(['stored']);
    });

    it('hears whomever she writes to, from then on', async () => {
      await start();
      await node.people.setPolicy(bob.session, 'known', []);
      await eve.send(bob.code, request('r'), envelope('too early'));
      expect(await node.people.acquaint(bob.session, ['EVE0000'])).toBe('done');
      expect(await eve.send(bob.code, envelope('a'), envelope('b'))).toEqual(times(2, 'stored'));
      expect(await waiting()).toEqual(['r', 'a', 'b']);
    });

    it('does not hear a sender whom she knows and has blocked, until she unblocks', async () => {
      await start();
      await node.people.setPolicy(bob.session, 'known', []);
      await node.people.block(bob.session, 'EVE0000');
      await node.people.acquaint(bob.session, ['EVE0000']);
      expect(await eve.send(bob.code, request('a'))).toEqual(['unheard']);
      await node.people.unblock(bob.session, 'EVE0000');
      expect(await eve.send(bob.code, envelope('b'))).toEqual(['stored']);
    });

    it('lets 16 requests wait, which take no room from those whom she knows', async () => {
      await start();
      await node.people.setPolicy(bob.session, 'known', ['A11CE00', 'CAR0100', 'DAVE000', 'FRANK00']);
      const asked = [];
      for (let n = 0; n < 18; n += 1) {
        const sender = new Sender(node, `S${String(n).padStart(6, '0')}`);
        asked.push(...(await sender.send(bob.code, request(`r${n}`))));
      }
      expect(asked).toEqual([...times(16, 'stored'), 'unheard', 'unheard']);
      for (const code of ['A11CE00', 'CAR0100', 'DAVE000', 'FRANK00']) {
        expect(
          await new Sender(node, code).send(bob.code, envelope('1'), envelope('2'), envelope('3')),
        ).toEqual(times(3, 'stored'));
      }
      expect(await alice.send(bob.code, envelope('x'))).not.toEqual(['stored']);
      expect(await waiting()).toHaveLength(16 + 12);
      // Two requests leave, and two strangers more may ask, even with everything else full.
      const [, second = ''] = await ids(node, bob.session);
      await node.confirm(bob.session, second);
      for (const [code, outcome] of [
        ['NEW0000', 'stored'],
        ['NEW0001', 'stored'],
        ['NEW0002', 'mailbox_full'],
      ] as const) {
        expect(await new Sender(node, code).send(bob.code, request('r'))).toEqual([outcome]);
      }
      const all = await ids(node, bob.session);
      await node.confirm(bob.session, all.at(-1) ?? '');
      expect(await new Sender(node, 'NEW0003').send(bob.code, request('r'))).toEqual(['stored']);
      expect(await alice.sendAs(9, bob.code, envelope('x'))).toEqual(['stored']);
    });

    it('is changed by the holder of the session alone', async () => {
      await start();
      const newer = await login(node, bob.code, 2);
      const { people } = node;
      expect(await people.block(bob.session, 'EVE0000')).toBe('displaced');
      expect(await people.unblock(bob.session, 'EVE0000')).toBe('displaced');
      expect(await people.setPolicy(bob.session, 'known', [])).toBe('displaced');
      expect(await people.acquaint(bob.session, ['EVE0000'])).toBe('displaced');
      expect(await people.blocks(bob.session, null)).toEqual({ state: 'displaced' });
      expect(await eve.send(bob.code, envelope('a'))).toEqual(['stored']);
      expect(await blocked(node, newer.session)).toEqual([]);
      const ghost = { ...bob.session, code: '0000000', token: newToken() };
      expect(await people.block(ghost, 'EVE0000')).toBe('unknown_user');
    });

    it('may be a list of 10,000', async () => {
      await start({ ...SMALL, maxBlocks: 10_000 });
      const codes = Array.from({ length: 10_000 }, (_, n) => `B${String(n).padStart(6, '0')}`);
      for (let from = 0; from < codes.length; from += 500) {
        const page = codes.slice(from, from + 500);
        expect(new Set(await Promise.all(page.map((code) => node.people.block(bob.session, code))))).toEqual(
          new Set(['done']),
        );
      }
      expect(await node.people.block(bob.session, 'EVE0000')).toBe('full');
      expect(await blocked(node, bob.session)).toEqual(codes);
      expect(await new Sender(node, codes[9_999] ?? '').send(bob.code, envelope('a'))).toEqual(['unheard']);
      expect(await eve.send(bob.code, envelope('a'))).toEqual(['stored']);
    });
  });
}

/** All that are blocked, in order, page by page. */
async function blocked(node: Engine, session: SessionKey): Promise<string[]> {
  const codes: string[] = [];
  let after: string | null = null;
  do {
    const page = await node.people.blocks(session, after);
    if (page.state !== 'held') throw new Error(`blocks: ${page.state}`);
    codes.push(...page.codes);
    after = page.next;
  } while (after !== null);
  return codes.sort();
}
