import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { microseconds } from '../../../../src/engine/mailbox-id.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import { envelope, frame, held, ids, listening, login, register, Sender, texts } from '../../fixture.ts';
import { Notes } from '../../notes.ts';

/** Entries and messages in Redis that the engine did not write. */
describe('mailboxes', () => {
  const server = redisForTests();
  let node: Engine;
  const notes = new Notes();
  let bob: string;

  beforeAll(async () => {
    node = await runningNode({ urls: [server.url], observer: notes });
    return () => node.close();
  });
  beforeEach(async () => {
    bob = (await register(node)).code;
  });

  const user = () => `user:{${bob}}`;

  it('with an unreadable entry do not block: it becomes a dead letter for operators', async () => {
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('a'));
    const { session } = await login(node, bob);
    const [first = ''] = await ids(node, session);
    const poison = `${BigInt(microseconds(first)) + 1n}-5`;
    await server.call('XADD', `inbox:{${bob}}`, poison, 'rubbish', 'x');
    await server.call('HINCRBY', user(), 'count', 1);
    await server.call('HSET', user(), 'last', poison);
    await alice.send(bob, envelope('b'));
    const { envelopes } = await held(node, session);
    expect(envelopes.map((one) => [one.id === poison, one.frame])).toEqual([
      [false, frame('a')],
      [true, null],
      [false, frame('b')],
    ]);
    expect(await node.deadLetter(session, poison, 'unreadable')).toBe('held');
    const [[, fields] = [], ...others] = (await server.call('XRANGE', `poison:{${bob}}`, '-', '+')) as [
      string,
      string[],
    ][];
    expect(fields).toEqual([
      'id',
      poison,
      'why',
      'unreadable',
      'entry',
      'rubbish\nx',
      'sender',
      '',
      'envelope',
      '',
    ]);
    expect(others).toEqual([]);
    expect(await server.call('PTTL', `poison:{${bob}}`)).toBeGreaterThan(0);
    expect(await texts(node, session)).toEqual(['a', 'b']);
    expect(await login(node, bob)).toMatchObject({ waiting: 2 });
  });

  it('keep the last 16 dead letters, envelopes byte for byte', async () => {
    const alice = new Sender(node, 'ALICE00');
    const { session } = await login(node, bob);
    for (let n = 0; n < 20; n += 1) await alice.send(bob, envelope(`${n}`));
    for (const id of await ids(node, session)) await node.deadLetter(session, id, 'unsendable');
    const kept = (await server.call('XRANGE', `poison:{${bob}}`, '-', '+')) as [string, string[]][];
    expect(kept.map(([, fields]) => fields.slice(4))).toEqual(
      Array.from({ length: 16 }, (_, n) => [
        'f',
        frame(`${n + 4}`).toString(),
        'sender',
        'ALICE00',
        'envelope',
        '',
      ]),
    );
    expect(await server.call('EXISTS', `inbox:{${bob}}`)).toBe(0);
  });

  it('are counted correctly although another program wrote between the envelopes', async () => {
    const alice = new Sender(node, 'ALICE00');
    const { session } = await login(node, bob);
    await alice.send(bob, envelope('a'));
    await server.call('XADD', `inbox:{${bob}}`, '*', 'rubbish', 'x');
    await alice.send(bob, envelope('b'));
    const [first = ''] = await ids(node, session);
    await alice.send(bob, envelope('c'));
    await node.confirm(session, first);
    expect(await login(node, bob)).toMatchObject({ waiting: 2 });
  });

  it('are not harmed by unexpected messages on their channels', async () => {
    const listener = await listening(node, bob);
    const rubbish = [
      '',
      'w',
      'w1-1',
      'w1-1 0-0',
      'w1-1  0-0\nx',
      'wx-1 0-0\nx',
      `w${'9'.repeat(400)}-1 0-0\nx`,
      'c',
      'ctoken',
      'x1-1 0-0\nx',
    ];
    const before = notes.unexpectedMessages;
    for (const message of rubbish) await server.call('SPUBLISH', `inbox:{${bob}}`, message);
    await new Sender(node, 'ALICE00').send(bob, envelope('a'));
    await until(() => listener.wakeUps.length === 1, { what: 'the real wake-up' });
    expect(notes.unexpectedMessages - before).toBe(rubbish.length);
    expect(listener.claims).toEqual([]);
  });
});
