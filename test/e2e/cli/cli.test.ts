import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { SETTINGS } from '../../../src/ops/settings/settings.ts';
import { folderForTests } from '../../support/folder.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { MAIN } from '../../support/servers/processes.ts';
import { until } from '../../support/until.ts';

const PACKAGE = fileURLToPath(new URL('../../../package.json', import.meta.url));

const folder = folderForTests();
const processes = processesForTests();

/** Runs the command line to its end. */
async function keyrelay(args: readonly string[], env: Record<string, string> = {}) {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('RELAY_'));
  const child = await processes.command(process.execPath, [MAIN, ...args], {
    ...Object.fromEntries(clean),
    ...env,
  });
  return { ended: await child.exited(), output: child.output };
}

describe('--help and --version', () => {
  test.each([['--help'], ['-h'], ['help']])('%s tells every command and setting', async (flag) => {
    const { ended, output } = await keyrelay([flag]);
    expect(ended).toBe('exit code 0');
    for (const command of ['serve', 'cluster', 'demo'])
      expect(output).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    for (const { env } of Object.values(SETTINGS)) expect(output).toContain(`  ${env} (`);
  });

  test('after a command, tells what that command takes', async () => {
    const { ended, output } = await keyrelay(['demo', '--help']);
    expect(ended).toBe('exit code 0');
    expect(output).toContain('--url URL');
  });

  test('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
    expect(await keyrelay(['--version'])).toEqual({ ended: 'exit code 0', output: `${version}\n` });
  });

  test('no command at all shows the help, and is a mistake', async () => {
    const { ended, output } = await keyrelay([]);
    expect(ended).toBe('exit code 2');
    expect(output).toContain('Usage: keyrelay <command>');
  });
});

describe('mistakes end with exit code 2 and say what would be right', () => {
  test('an unknown command', async () => {
    const { ended, output } = await keyrelay(['serv']);
    expect(ended).toBe('exit code 2');
    expect(output).toContain(`unknown command serv: there are ${Object.keys(COMMANDS).join(', ')}`);
  });

  test('an unknown option', async () => {
    const { ended, output } = await keyrelay(['serve', '--port', '80']);
    expect(ended).toBe('exit code 2');
    expect(output).toContain("Unknown option '--port'");
  });

  test('all wrong settings at once', async () => {
    const settings = { RELAY_PORT: 'x', RELAY_WEB: 'y', RELAY_PROT: '1' };
    const { ended, output } = await keyrelay(['doctor'], settings);
    expect(ended).toBe('exit code 2');
    expect(output).toBe(
      [
        'keyrelay: 3 invalid settings:',
        '  Unknown setting RELAY_PROT: did you mean RELAY_PORT?',
        '  RELAY_PORT is "x": must be a whole number from 0 to 65535',
        '  RELAY_WEB is "y": must be true or false',
        '',
      ].join('\n'),
    );
  });

  test('of a node: as lines of its log, so that a collector can read them', async () => {
    const settings = { RELAY_PORT: 'x', RELAY_WEB: 'y', RELAY_NODE_ID: 'n1' };
    const { ended, output } = await keyrelay(['serve'], settings);
    expect(ended).toBe('exit code 2');
    const lines = output.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { severity: 'error', node: 'n1', msg: 'cannot start', reason: expect.stringContaining('RELAY_PORT') },
      { severity: 'error', node: 'n1', msg: 'cannot start', reason: expect.stringContaining('RELAY_WEB') },
    ]);
  });
});

describe('failures end with exit code 1 and say what to do', () => {
  test('a port that is taken', async () => {
    const relay = await processes.relay();
    const { ended, output } = await keyrelay(['serve'], {
      RELAY_PORT: String(relay.port),
      RELAY_ADMIN_PORT: '0',
    });
    expect(ended).toBe('exit code 1');
    expect(output).toContain(`cannot listen on 127.0.0.1:${relay.port}: is the port taken? Set RELAY_PORT`);
    await relay.stop();
  });

  test('a reader that has left is no failure, and ends without a stack', async () => {
    const relay = await processes.relay();
    const ping = `'${process.execPath}' '${MAIN}' ping --count 50 --url ${relay.http}`;
    const identity = join(folder, 'identity');
    const child = await processes.command('bash', [
      '-c',
      `${ping} --identity ${identity} | head -2; echo "$PIPESTATUS"`,
    ]);
    await child.exited();
    expect(child.output).toMatch(/^look-up .*\nlogin .*\n0\n$/);
    await relay.stop();
  });

  test('no relay at the URL of the demo', async () => {
    const { ended, output } = await keyrelay(['demo', '--url', 'http://127.0.0.1:1']);
    expect(ended).toBe('exit code 1');
    expect(output).toContain('no relay answers at http://127.0.0.1:1');
  });
});

describe('serve', () => {
  test('says in a terminal what it is, where to go, what it does not keep and what to try', async () => {
    const port = await freePort();
    // util-linux's script gives it a terminal, as there is on every Debian.
    const serve = await processes.command(
      'script',
      ['-qec', `'${process.execPath}' '${MAIN}' serve`, '/dev/null'],
      {
        ...process.env,
        RELAY_PORT: `${port}`,
        RELAY_ADMIN_PORT: '0',
      },
    );
    await serve.waitFor(/npm run demo/, 20_000);
    expect(serve.output).toContain('keyrelay: relays signed, end-to-end encrypted envelopes');
    expect(serve.output).toContain(`ws://127.0.0.1:${port}/ws`);
    expect(serve.output).toContain('a restart forgets them');
    expect(serve.output).toContain('npm run cluster');
    await serve.stop();
  });

  test('elsewhere writes nothing but lines of JSON', async () => {
    const relay = await processes.relay();
    expect(await relay.stop()).toBe('exit code 0');
    for (const line of relay.output.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  test('SIGHUP stops nothing, whether there is a certificate to read again or not', async () => {
    const relay = await processes.relay();
    const alice = await PlainClient.login(relay.ws, await registerUser(relay.http));
    relay.signal('SIGHUP');
    await until(() => relay.output.includes('SIGHUP: nothing to read again'), {
      what: 'the answer to SIGHUP',
    });
    expect((await relay.ready()).status).toBe(200);
    expect(alice.closed).toBeNull();
    await alice.close();
    expect(await relay.stop()).toBe('exit code 0');
  });

  test('waits for Redis, alive and not ready, and says why once; SIGTERM ends the wait', async () => {
    const [port, adminPort, redisPort] = [await freePort(), await freePort(), await freePort()];
    const node = await processes.keyrelay(['serve'], {
      RELAY_PORT: `${port}`,
      RELAY_ADMIN_PORT: `${adminPort}`,
      RELAY_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    });
    await node.waitFor(
      /"severity":"warn".*"reason":"[^"]*127\.0\.0\.1:\d+.*"msg":"waiting for Redis"/,
      20_000,
    );
    const admin = (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`);
    expect((await admin('/healthz')).status).toBe(200);
    const ready = await admin('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain(`127.0.0.1:${redisPort}`);
    expect(await (await admin('/metrics')).text()).toMatch(/^keyrelay_ready 0$/m);
    node.signal('SIGHUP');
    // Three more tries find the same.
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(node.output.match(/waiting for Redis/g)).toHaveLength(1);
    expect(await node.stop()).toBe('exit code 0');
  });

  test('does not wait for a Redis that must not be used', async () => {
    const redis = await startRedis({ 'maxmemory-policy': 'allkeys-lru' });
    const { ended, output } = await keyrelay(['serve'], {
      RELAY_REDIS_URL: redis.url,
      RELAY_ADMIN_PORT: '0',
    });
    expect(ended).toBe('exit code 1');
    expect(output).toMatch(/"msg":"cannot start"/);
    expect(output).toContain('CONFIG SET maxmemory-policy noeviction');
    await redis.remove();
  });

  test('logs the ports that the kernel chose', async () => {
    const relay = await processes.relay({ RELAY_NODE_ID: 'n7' });
    expect(relay.id).toBe('n7');
    expect(relay.port).toBeGreaterThan(0);
    expect((await relay.ready()).status).toBe(200);
    await relay.stop();
  });

  test('warns where protocol 1 leaves loopback without TLS, and where protocol 2 knows no public URL', async () => {
    const open = await processes.relay({ RELAY_HOST: '0.0.0.0' });
    await open.stop();
    expect(open.output).toMatch(/"severity":"warn".*protocol 1 is served without TLS/);
    expect(open.output).toMatch(/"severity":"warn".*RELAY_PUBLIC_URL is not set/);

    const settings = { RELAY_HOST: '0.0.0.0', RELAY_PUBLIC_URL: 'wss://relay.example/ws' };
    const behindTls = await processes.relay(settings);
    await behindTls.stop();
    expect(behindTls.output).not.toContain('"severity":"warn"');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: asks clients to come back, and ends with exit code 0',
    async (signal) => {
      const relay = await processes.relay();
      const alice = await PlainClient.login(relay.ws, await registerUser(relay.http));
      relay.signal(signal);
      const { code, reason } = await alice.untilClosed();
      expect(code).toBe(1012);
      expect(reason).toMatch(/^retry in \d+ ms$/);
      expect(await relay.exited()).toBe('exit code 0');
      expect(relay.output).toMatch(new RegExp(`"signal":"${signal}".*"msg":"stopped"`));
    },
  );

  test('is not ready while it drains, and a second signal ends it at once', async () => {
    const relay = await processes.relay();
    const bob = await registerUser(relay.http);
    // The node waits a moment for clients that do not confirm.
    const silent = await PlainClient.login(relay.ws, await registerUser(relay.http), { pongs: 'none' });
    const self = await PlainClient.login(relay.ws, bob, { pongs: 'none' });
    const data = `{"sender":"${bob.code}","recipient":"${bob.code}","message":{"type":"note"}}`;
    self.sendData(bob, data);
    await self.until(() => self.envelopes.length === 1);
    relay.signal('SIGTERM');
    await silent.untilClosed();
    expect(await relay.ready()).toEqual({ status: 503, reason: 'not ready: draining' });
    relay.signal('SIGTERM');
    expect(await relay.exited()).toBe('exit code 1');
  });
});

describe('demo', () => {
  test('holds against the relay that it is given', async () => {
    const relay = await processes.relay();
    const { ended, output } = await keyrelay(['demo'], { RELAY_URL: relay.http });
    expect(output).toContain('Everything held.');
    expect(output).toContain(`Alice is on node ${relay.id}`);
    expect(ended).toBe('exit code 0');
    expect((await keyrelay(['demo', '--url', relay.http])).ended).toBe('exit code 0');
    expect(await relay.metric('keyrelay_envelopes_received_total', 'outcome="stored"')).toBe(12);
    await relay.stop();
  });

  test('starts a relay if none runs', async () => {
    const { ended, output } = await keyrelay(['demo']);
    expect(output).toMatch(/^(No relay runs at .*: starting one|Using the relay that runs at)/);
    expect(output).toContain('Everything held.');
    expect(ended).toBe('exit code 0');
  });

  test('fails, and says where, when a step does not hold', async () => {
    const relay = await processes.relay({ RELAY_PROTOCOLS: '2' });
    const { ended, output } = await keyrelay(['demo', '--url', relay.http]);
    expect(ended).toBe('exit code 1');
    expect(output).toContain('protocol_required');
    await relay.stop();
  });
});
