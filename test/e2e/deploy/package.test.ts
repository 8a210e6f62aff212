import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { folderForTests } from '../../support/folder.ts';
import { longTest } from '../../support/long.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

/** What `npm pack` packs, unpacked in an empty folder. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = folderForTests();
const processes = processesForTests();
let tarball = '';
let files: string[];

beforeAll(() => {
  // The build is that of the test run.
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const name = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  tarball = join(folder, name);
  execFileSync('tar', ['-xzf', tarball, '-C', folder]);
  // What `npm install` would bring: the dependencies of package.json, which the lockfile has installed here.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'package/node_modules'));
  files = readdirSync(join(folder, 'package'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => !file.startsWith('node_modules'),
  );
});

test('has the page, the Lua scripts, the documents and the files for operators, and nothing that is not for users', () => {
  for (const file of [
    'dist/cli/main.js',
    'dist/client/index.d.ts',
    'dist/web/index.html',
    'dist/engine/redis/lua/mailbox/deliver.lua',
    'docs/protocol.md',
    'docs/operations.md',
    'docs/vectors/client.json',
    'deploy/haproxy/haproxy.cfg',
    'deploy/redis/redis.conf',
    'deploy/redis/keyrelay.acl',
    'deploy/systemd/keyrelay@.service',
    'deploy/prometheus/rules/alerts.yml',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ])
    expect(files).toContain(file);
  const lua = (at: string) => readdirSync(join(at, 'engine/redis/lua')).sort();
  expect(lua(join(folder, 'package/dist'))).toEqual(expect.arrayContaining(lua(join(ROOT, 'src'))));
  expect(
    files.filter((file) => /^(test|src|loadtest|\.)|\.map$|tsbuildinfo|client-package/.test(file)),
  ).toEqual([]);
  const { private: kept } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8'));
  expect(kept).toBeUndefined();
});

function serve(settings: Readonly<Record<string, string>>) {
  const main = join(folder, 'package/dist/cli/main.js');
  return processes.command(process.execPath, [main, 'serve'], {
    PATH: process.env.PATH,
    RELAY_PORT: '0',
    RELAY_ADMIN_PORT: '0',
    ...settings,
  });
}

test('starts there, with its page, and with Redis', async () => {
  const redis = await startRedis();
  const node = await serve({ RELAY_REDIS_URL: redis.url });
  const [, port] = await node.waitFor(/"port":(\d+).*"msg":"listening"/, 20_000);
  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(await page.text()).toContain('<!doctype html>');
  const client = await PlainClient.login(
    `ws://127.0.0.1:${port}/ws`,
    await registerUser(`http://127.0.0.1:${port}`),
  );
  await client.close();
  await redis.remove();
});

test('verifies by libsodium: a library that was built for one machine is not in it, and one that does not load is named', async () => {
  const plain = await serve({});
  await plain.waitFor(/"verifier":"libsodium".*"msg":"listening"/, 20_000);
  const built = join(folder, 'package/dist/crypto/verify.node');
  writeFileSync(built, 'for another machine');
  try {
    const node = await serve({});
    await node.waitFor(/"verifier":"libsodium".*"msg":"listening"/, 20_000);
    await node.waitFor(
      /"reason":"[^"]*package\/dist\/crypto\/verify\.node[^"]*".*"msg":"AWS-LC was built, but does not load"/,
      5_000,
    );
  } finally {
    rmSync(built);
  }
});

test('a file of the package is run by its name', () => {
  const { bin } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as {
    bin: { keyrelay: string };
  };
  cpSync(join(folder, 'package', bin.keyrelay), join(folder, 'main.js'));
  expect(readFileSync(join(folder, 'main.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

longTest(
  'runs by npx from the tarball in an empty folder, as the README has it',
  {
    timeout: 240_000,
  },
  async () => {
    const run = promisify(execFile);
    // What this machine has fetched before need not come again.
    const cache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim();
    const empty = mkdtempSync(join(tmpdir(), 'keyrelay-npx-'));
    try {
      const env = {
        ...process.env,
        RELAY_PORT: '0',
        RELAY_URL: '',
        HOME: empty,
        npm_config_cache: cache,
        npm_config_prefer_offline: 'true',
      };
      // A relay of its own, and two people at it.
      const { stdout } = await run('npx', ['--yes', '--package', tarball, 'keyrelay', 'demo'], {
        cwd: empty,
        env,
      });
      expect(stdout).toContain('Everything held.');
      expect(readdirSync(empty)).toEqual([]);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  },
);

test('says in five lines what one can do with it', async () => {
  const main = join(folder, 'package/dist/cli/main.js');
  const alone = await promisify(execFile)(process.execPath, [main]).catch(
    (error: object) => error as { code: number; stdout: string },
  );
  expect(alone).toMatchObject({ code: 2 });
  expect(alone.stdout.split('\n').filter((line) => line.startsWith('  keyrelay '))).toHaveLength(5);
});
