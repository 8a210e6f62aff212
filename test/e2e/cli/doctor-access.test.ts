import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { examineAccess } from '../../../src/cli/doctor/access.ts';
import { PERMISSIONS } from '../../../src/cli/doctor/permissions.ts';
import { Connection } from '../../../src/engine/redis/connection/connection.ts';
import { loadConfig } from '../../../src/ops/settings/config.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';

/** `keyrelay doctor` and the permissions of Redis, on a real server: every one of them taken away once. */

const ACL = readFileSync(new URL('../../../deploy/redis/keyrelay.acl', import.meta.url), 'utf8');
const RULES = /^user keyrelay (.*)$/m.exec(ACL)?.[1]?.replace('>CHANGE-ME', 'nopass').split(' ') ?? [];
/** The connection of the test itself needs these. */
const OPENING = ['+hello', '+auth'];

const server = redisForTests();

/** What the doctor finds for a user with these rules. */
async function examine(rules: readonly string[], settings: Record<string, string> = {}, inCluster = true) {
  await server.call('ACL', 'SETUSER', 'keyrelay', 'reset', ...rules);
  const access = { tls: false, username: 'keyrelay', password: 'any' };
  const address = { host: '127.0.0.1', port: server.port };
  const connection = await Connection.open({ address, access, timeoutMs: 3_000 });
  const config = loadConfig({ RELAY_REDIS_URL: server.url, RELAY_REDIS_WAIT_REPLICAS: '1', ...settings });
  const before = await server.call('DBSIZE');
  const findings = await examineAccess(connection, { config, access, inCluster });
  expect(await server.call('DBSIZE'), 'the doctor changes nothing').toBe(before);
  connection.destroy('examined');
  return findings;
}

test('the user of deploy/redis/keyrelay.acl lacks nothing', async () => {
  const says = ['good'];
  expect((await examine(RULES)).map(({ verdict }) => verdict)).toEqual(says);
});

describe.each([
  { how: 'who may ask with ACL DRYRUN', more: ['+acl|dryrun'] },
  { how: 'who may not', more: [] },
])('each permission that is missing is named, for a user $how', ({ more }) => {
  const taken = PERMISSIONS.filter(({ rule }) => !OPENING.includes(rule));
  test.each(taken.map(({ rule }) => rule))('%s', async (rule) => {
    const without = RULES.filter((each) => each !== rule);
    expect(without.length).toBe(RULES.length - 1);
    const findings = await examine([...without, ...more]);
    // What cannot be tried without becoming a subscriber is found by the probe.
    if (more.length === 0 && /subscribe$/.test(rule)) return;
    const found = findings.filter(({ verdict }) => verdict !== 'good');
    expect(found.map(({ says }) => says).join('\n')).toContain(rule);
    expect(found[0]?.mend).toContain(`ACL SETUSER keyrelay '${rule}'`);
  });
});

test('what a deployment does not use is not asked for', async () => {
  const without = RULES.filter((rule) => !/cluster|asking|wait/.test(rule));
  const findings = await examine(without, { RELAY_REDIS_WAIT_REPLICAS: '0' }, false);
  expect(findings.map(({ verdict }) => verdict)).toEqual(['good']);
});

test('without DBSIZE and RANDOMKEY only two metrics are missing, which is not bad', async () => {
  const findings = await examine(RULES.filter((rule) => !['+dbsize', '+randomkey'].includes(rule)));
  expect(findings.map(({ verdict }) => verdict)).toEqual(['poor']);
  expect(findings[0]?.says).toContain('+dbsize +randomkey');
});

test.each([
  [
    'beyond this machine, a server without a password is bad, and one without TLS worse than it could be',
    '192.0.2.1',
    ['bad', 'poor', 'good'],
  ],
  ['on this machine, neither matters', '127.0.0.1', ['good']],
])('%s', async (_what, host, verdicts) => {
  await server.call('ACL', 'SETUSER', 'keyrelay', 'reset', ...RULES);
  const access = { tls: false, username: null, password: null };
  const address = { host: '127.0.0.1', port: server.port };
  const real = await Connection.open({ address, access, timeoutMs: 3_000 });
  // Nothing listens at an address that is kept for documents.
  const connection = {
    host,
    port: 6379,
    name: `${host}:6379`,
    send: real.send.bind(real),
  } as unknown as Connection;
  const config = loadConfig({ RELAY_REDIS_URL: server.url });
  const findings = await examineAccess(connection, { config, access, inCluster: false });
  expect(findings.map(({ verdict }) => verdict)).toEqual(verdicts);
  real.destroy('examined');
});
