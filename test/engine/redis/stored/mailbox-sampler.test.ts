import { afterAll, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { redisNode } from '../../backends.ts';
import { envelope, register, Sender } from '../../fixture.ts';
import { Notes } from '../../notes.ts';

const MAILBOXES = 40;
const EACH = 3;

const server = redisForTests();
const nodes: Engine[] = [];

afterAll(() => Promise.all(nodes.map((node) => node.close())));

async function start(notes: Notes, url = server.url): Promise<Engine> {
  const node = redisNode({ urls: [url], observer: notes, timings: { sampleEveryMs: 50 } });
  nodes.push(node);
  await node.start();
  return node;
}

it('estimates how many mailboxes hold mail, and how much, from random keys', async () => {
  const notes = new Notes();
  const node = await start(notes);
  await until(() => notes.estimate !== null, { what: 'an estimate of nothing' });
  expect(notes.estimate).toEqual({ mailboxes: 0, envelopes: 0 });

  const sender = new Sender(node, 'ALICE00');
  for (let index = 0; index < MAILBOXES; index += 1) {
    const { code } = await register(node);
    await sender.send(code, ...Array.from({ length: EACH }, (_, number) => envelope(`${number}`)));
  }
  // Of 1,000 keys drawn from about 160, a quarter mailboxes: a standard deviation of 2.2, and here six of them.
  const near = (value: number | undefined, wanted: number) =>
    value !== undefined && Math.abs(value - wanted) < wanted / 3;
  // Both of one estimate: an earlier one may be from before the last mailboxes were filled.
  const bothNear = () =>
    near(notes.estimate?.mailboxes, MAILBOXES) && near(notes.estimate?.envelopes, MAILBOXES * EACH);
  await until(bothNear, { what: 'an estimate of the mailboxes and of what is in them' });
});

it('logs once that the ACL forbids random keys; everything else works', async () => {
  await server.call('ACL', 'SETUSER', 'old', 'on', '>secret', '~*', '&*', '+@all', '-randomkey');
  const notes = new Notes();
  const node = await start(notes, server.url.replace('redis://', 'redis://old:secret@'));
  const said = () => notes.lines.filter(({ message }) => message === 'waiting mail cannot be estimated');
  await until(() => said().length > 0, { what: 'the log line' });
  expect(said()[0]?.fields.reason).toMatch(/NOPERM/);
  await register(node);
  expect(node.health().ready).toBe(true);
  expect(said()).toHaveLength(1);
  expect(notes.estimate).toBeNull();
});
