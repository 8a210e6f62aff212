import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { redisNode } from '../../backends.ts';
import { envelope, key, login, prekeyBatch, register, Sender } from '../../fixture.ts';

/** docs/security.md lists everything that Redis may hold. */
const server = redisForTests();
let node: Engine;

beforeAll(async () => {
  const presence = () => ({ address: '127.0.0.1:8080', version: '1.2.3', sockets: 0 });
  node = redisNode({ urls: [server.url], presence, timings: { sweepEveryMs: 30, presenceEveryMs: 50 } });
  await node.start();
  return () => node.close();
});

const PARTS: Readonly<Record<string, string>> = {
  CODE: '[0-9A-Z]{7}',
  TAG: '.+',
  N: '[01]',
  ED25519: '[0-9a-f]{64}',
  ID: '[0-9a-f]{16}',
  NAME: '.+',
};

function listed(): readonly RegExp[] {
  const text = readFileSync(new URL('../../../../docs/security.md', import.meta.url), 'utf8');
  const section = text.slice(text.indexOf('## Everything that Redis may hold')).split('\n## ')[0] ?? '';
  const firsts = section.split('\n').map((line) => line.split(' | ')[0] ?? '');
  return firsts.flatMap((first) =>
    [...first.matchAll(/`([^`]+)`/g)].map(([, name = '']) => {
      const escaped = name.replace(/[{}]/g, '\\$&');
      return new RegExp(`^${escaped.replace(/\b[A-Z][A-Z0-9]*\b/g, (part) => PARTS[part] ?? part)}$`);
    }),
  );
}

it('every key that use leaves behind is on the list', async () => {
  const hash = 'ab'.repeat(32);
  await node.invitations.create({ hash, uses: 3, expiresInMs: null, note: '' });
  const keys = { ecdhPublicKey: key(), eddsaPublicKey: key(), name: null, proof: null };
  await node.register({ ...keys, admission: { invitation: hash } });
  const [bob, gone] = [await register(node, true), await register(node, true)];
  const { session, prekeys } = await login(node, bob.code);
  await node.subscriptions.add(session, { endpoint: 'https://push.example/a', p256dh: 'p', auth: 'a' });
  await node.people.block(session, 'EVE0000');
  const batch = prekeyBatch(1);
  await node.prekeys.publish(session, batch, prekeys.store);
  await node.prekeys.claim({ code: bob.code, claimer: 'A11CE00', id: 'claim' });
  await new Sender(node, 'EVE0000').send(bob.code, envelope('a', 'x'));
  await new Sender(node, 'A11CE00').send(bob.code, envelope('b', 'y'));
  const { session: leaving } = await login(node, gone.code);
  await node.subscriptions.add(leaving, { endpoint: 'https://push.example/b', p256dh: 'p', auth: 'a' });
  expect(await server.call('EXISTS', `push:{${gone.code}}`)).toBe(1);
  await node.operators.remove(gone.code);
  await node.operators.audit.record({ operator: 'o', node: 'n', action: 'a', target: '', reason: '' });
  const report = { id: 'r', reporter: bob.code, code: 'EVE0000', key: key(), reason: '', envelopes: [] };
  await node.operators.reports.file(report);
  await node.control.changeSetting('RELAY_REGISTRATION', 'open');
  await node.control.askToDrain('some node');
  await node.control.secret();
  await expect.poll(() => server.call('EXISTS', 'relay:sweeper', 'node::live')).toBe(2);
  const patterns = listed();
  expect(patterns.length).toBeGreaterThan(14);
  const found = (await server.call('KEYS', '*')) as string[];
  expect(found.length).toBeGreaterThan(14);
  expect(found.filter((name) => name.includes(gone.code))).toEqual([`user:{${gone.code}}`]);
  expect(found.filter((name) => !patterns.some((pattern) => pattern.test(name)))).toEqual([]);
});
