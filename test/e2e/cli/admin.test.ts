import { createECDH } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ADMIN_TOKEN } from '../../support/clients/admin.ts';
import { type Ended, jsonRows, keyrelay } from '../../support/clients/command-line.ts';
import { folderForTests } from '../../support/folder.ts';
import { command } from '../../support/plain/commands.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

const folder = folderForTests();
const config = join(folder, 'relay.env');
const processes = processesForTests();
let relay: RelayNode;

beforeAll(async () => {
  await writeFile(join(folder, 'token'), `${ADMIN_TOKEN}\n`);
  await writeFile(
    config,
    `# a private relay\nRELAY_ADMIN_TOKEN_FILE=${join(folder, 'token')}\nRELAY_REGISTRATION=invite\n`,
  );
  relay = await processes.relay({ RELAY_CONFIG_FILE: config });
});

function run(
  args: readonly string[],
  env: Record<string, string> = { RELAY_ADMIN_TOKEN: ADMIN_TOKEN },
): Promise<Ended> {
  const url = `http://127.0.0.1:${relay.adminPort}`;
  return keyrelay(args, { PATH: process.env.PATH, HOME: folder, RELAY_ADMIN_URL: url, ...env });
}
const admin = (line: string) => run(['admin', ...line.split(' ')]);
const json = ({ out }: { out: string }) => JSON.parse(out) as Record<string, unknown>;

it('invites a friend, who comes by it, and only one', async () => {
  const { token, uses } = json(await admin('invite create --uses 1 --json'));
  expect(uses).toBe(1);
  const identity = (who: string, invite: string[]) =>
    run(['identity', '--json', '--url', relay.http, '--identity', join(folder, who), ...invite]);
  const link = `${relay.http}/#invite=${String(token)}`;
  expect((await identity('alice', [])).err).toContain('invitation');
  const { code } = json(await identity('alice', ['--invite', link]));
  expect(code).toMatch(/^[0-9A-Z]{7}$/);
  expect((await identity('bob', ['--invite', link])).code).not.toBe(0);
  const shown = await admin(`user show ${String(code)}`);
  expect(shown.out).toContain(String(code));
  expect(shown.out).toContain('claimed');
  const listed = await admin('invite list --json');
  expect(json(listed)).toMatchObject({ uses: 1, left: 0 });
  expect(listed.out).not.toContain(String(token));
});

it('says what was wrong, and ends with 1 for a refusal and 2 for a wrong command line', async () => {
  expect(await admin('user show 0000000')).toMatchObject({
    code: 1,
    err: 'keyrelay: no user has the code 0000000\n',
  });
  expect((await admin('user show')).code).toBe(2);
  expect((await admin('user shout 0000000')).code).toBe(2);
  expect((await admin('user ban 0000000 --for ever')).err).toContain('7d');
  expect((await run(['admin', 'user', 'list'], {})).err).toContain('RELAY_ADMIN_TOKEN');
  const wrong = { RELAY_ADMIN_TOKEN: 'a-wrong-token-of-someone' };
  expect((await run(['admin', 'user', 'list'], wrong)).code).toBe(1);
  const away = { RELAY_ADMIN_TOKEN: ADMIN_TOKEN, RELAY_ADMIN_URL: 'http://127.0.0.1:1' };
  expect((await run(['admin', 'node', 'list'], away)).err).toContain('cannot be reached');
});

it('makes a VAPID key that a node takes, without asking a relay', async () => {
  const made = await run(['admin', 'vapid', '--json'], {});
  const { private_key: privateKey, public_key: publicKey } = json(made);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(String(privateKey), 'base64url');
  expect(ecdh.getPublicKey('base64url')).toBe(publicKey);
  const pushing = await processes.relay({
    RELAY_PUSH_VAPID_KEY: String(privateKey),
    RELAY_PUSH_SUBJECT: 'mailto:operator@example.org',
  });
  const user = await registerUser(pushing.http);
  const socket = await PlainClient.login(pushing.ws, user, { protocol: 2 });
  expect(await command(socket, user, 'push', {})).toEqual({ result: { public_key: publicKey } });
  await socket.close();
  expect(json(await run(['admin', 'vapid', '--json'], {})).private_key).not.toBe(privateKey);
});

it('changes a limit, which is stronger than the file; SIGHUP reads the file again', async () => {
  const value = async () => {
    const rows = jsonRows((await admin('limits show --json')).out);
    return rows.find(({ name }) => name === 'RELAY_REGISTRATION');
  };
  expect(await value()).toMatchObject({ value: 'invite', source: 'node' });
  expect((await admin('limits set RELAY_REGISTRATION closed --reason full')).code).toBe(0);
  expect(await value()).toMatchObject({ value: 'closed', source: 'operator' });
  await writeFile(
    config,
    `RELAY_ADMIN_TOKEN_FILE=${join(folder, 'token')}\nRELAY_REGISTRATION=open\nRELAY_X=1\n`,
  );
  relay.signal('SIGHUP');
  await until(() => relay.output.includes('settings not read again'), { what: 'the mistake to be told' });
  await writeFile(config, `RELAY_ADMIN_TOKEN_FILE=${join(folder, 'token')}\nRELAY_REGISTRATION=open\n`);
  relay.signal('SIGHUP');
  expect((await admin('limits unset RELAY_REGISTRATION')).code).toBe(0);
  await until(
    async () => (await value())?.name !== undefined && (await admin('limits show')).out.includes(' open '),
    {
      what: 'the file to hold again',
    },
  );
  const { code } = await registerUser(relay.http, { keys: makeKeys() });
  expect((await admin(`user delete ${code} --reason test`)).out).toBe('deleted\n');
  expect((await admin('audit')).out).toContain('user delete');
});
