import { expect, test } from 'vitest';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { commandLineForTests } from '../../support/clients/command-line.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** Who may write to a person, and leaving, by the command line. */
const relay = relayForTests({ RELAY_ADMIN_TOKEN: ADMIN_TOKEN });
const people = commandLineForTests(() => relay.http);

test('block, unblock and blocks change and show one list, whichever way a code is written', async () => {
  const eve = await people.codeOf('eve');
  const blocked = await people.run('bob', ['block', eve.toLowerCase()]);
  expect([blocked.code, blocked.out, blocked.err]).toEqual([0, '', '']);
  expect((await people.run('bob', ['blocks'])).out).toBe(`${eve}\n`);
  expect(JSON.parse((await people.run('bob', ['blocks', '--json'])).out)).toEqual({ code: eve });
  expect((await people.run('bob', ['unblock', eve])).code).toBe(0);
  expect((await people.run('bob', ['blocks'])).out).toBe('');
}, 60_000);

test('report shows the last messages to the operators, and says what they see', async () => {
  const [eve, bob] = [await people.codeOf('eve'), await people.codeOf('bob')];
  expect((await people.run('eve', ['send', bob], { input: 'Buy a watch' })).code).toBe(0);
  expect((await people.run('bob', ['listen', '--count', '1'])).out).toContain('Buy a watch');
  const reported = await people.run('bob', ['report', eve, 'sells', 'watches']);
  expect([reported.code, reported.out]).toEqual([0, expect.stringContaining('cannot read what was written')]);
  const { json } = await admin(relay, 'GET', '/v1/reports');
  const item = { reporter: bob, code: eve, reason: 'sells watches', envelopes: [expect.anything()] };
  expect(json).toMatchObject({ items: [item] });
}, 60_000);

test('policy takes anyone or known, and says so otherwise', async () => {
  expect((await people.run('bob', ['policy', 'known'])).code).toBe(0);
  expect((await people.run('bob', ['policy', 'anyone'])).code).toBe(0);
  for (const args of [['policy'], ['policy', 'nobody'], ['policy', 'known', 'anyone']]) {
    const wrong = await people.run('bob', args);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('anyone or known')]);
  }
  const noCode = await people.run('bob', ['block']);
  expect([noCode.code, noCode.err]).toEqual([2, expect.stringContaining('block takes one code')]);
}, 60_000);

test('identity delete needs --yes; then the code is gone, and the next command gets another', async () => {
  const code = await people.codeOf('leaver');
  const asked = await people.run('leaver', ['identity', 'delete']);
  expect([asked.code, asked.err]).toEqual([2, expect.stringContaining('--yes')]);
  expect((await fetch(`${relay.http}/users/${code}`)).status).toBe(200);
  const deleted = await people.run('leaver', ['identity', 'delete', '--yes', '--json']);
  expect(deleted.err).toBe('');
  expect([deleted.code, JSON.parse(deleted.out)]).toEqual([0, expect.objectContaining({ deleted: code })]);
  expect((await fetch(`${relay.http}/users/${code}`)).status).toBe(410);
  expect(await people.codeOf('leaver')).not.toBe(code);
}, 60_000);
