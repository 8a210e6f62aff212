import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../src/cli/dev/root.ts';

/** Peers live beside the project, not in it: their packages are no dependency of ours. */
export const PEERS_FOLDER = resolve('.cache/peers');

const SOURCE = join(ROOT, 'loadtest/peers');
const INSTALL_TIMEOUT_MS = 600_000;

/** Copies the peers' servers to where their packages are, and installs those. False if there is no Go compiler. */
export function installPeers(say: (line: string) => void): { readonly go: boolean } {
  mkdirSync(PEERS_FOLDER, { recursive: true });
  cpSync(SOURCE, PEERS_FOLDER, { recursive: true });
  const wanted = readFileSync(join(SOURCE, 'package.json'), 'utf8');
  const installed = join(PEERS_FOLDER, 'node_modules/.installed.json');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== wanted) {
    say('installing Socket.IO and SocketCluster into .cache/peers …');
    run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], PEERS_FOLDER);
    writeFileSync(installed, wanted);
  }
  const hasGo = spawnSync('go', ['version']).status === 0;
  if (hasGo && !existsSync(join(PEERS_FOLDER, 'centrifuge-node'))) {
    say('building a node of centrifuge (Go), some minutes the first time …');
    run('go', ['build', '-o', '../centrifuge-node', '.'], join(PEERS_FOLDER, 'centrifuge'));
  }
  return { go: hasGo };
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, GOTOOLCHAIN: 'local' },
  });
  if (status !== 0)
    throw new Error(
      `${command} ${args.join(' ')} in ${cwd} failed: ${error?.message ?? stderr.slice(-2_000)}`,
    );
}
