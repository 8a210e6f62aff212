import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../src/cli/dev/root.ts';

/** Peers live beside the project, not in it: their packages are no dependency of ours. */
const PEERS_FOLDER = resolve('.cache/peers');
/** Contenders that run on Node: programs and packages. */
export const NODE_FOLDER = join(PEERS_FOLDER, 'node');
export const REPORT_FILE = join(PEERS_FOLDER, 'report.json');

const SOURCE = join(ROOT, 'loadtest/peers');
/** Centrifugo has some 400 packages: ten minutes on two busy cores. */
const INSTALL_TIMEOUT_MS = 1_800_000;

/** What the released servers are built by; the Go command fetches it as it fetches modules. */
const TOOLCHAIN = 'go1.27.3';

/** Servers written in Go, each built into a folder with its version, so that another version is another build. */
const GO_PROGRAMS = {
  'centrifuge-node': { version: 'v0.40.1', module: null },
  centrifugo: { version: 'v6.9.1', module: 'github.com/centrifugal/centrifugo/v6' },
  'nats-server': { version: 'v2.15.3', module: 'github.com/nats-io/nats-server/v2' },
} as const;

export type GoProgram = keyof typeof GO_PROGRAMS;

export function isGoProgram(name: string): name is GoProgram {
  return name in GO_PROGRAMS;
}

/** Where a built server is. */
export function goProgramPath(program: GoProgram): string {
  return join(PEERS_FOLDER, 'go', `${program}-${GO_PROGRAMS[program].version}`, program);
}

export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

/** Copies the Node programs to where their packages are, and installs those. */
export function installPackages(say: (line: string) => void): void {
  mkdirSync(NODE_FOLDER, { recursive: true });
  cpSync(join(SOURCE, 'node'), NODE_FOLDER, { recursive: true });
  const wanted = readFileSync(join(SOURCE, 'node/package.json'), 'utf8');
  const installed = join(NODE_FOLDER, 'node_modules/.installed.json');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return;
  say('installing Socket.IO and SocketCluster into .cache/peers …');
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: NODE_FOLDER });
  writeFileSync(installed, wanted);
}

/** Builds a server unless that version is there. */
export function buildGoProgram(program: GoProgram, say: (line: string) => void): void {
  const path = goProgramPath(program);
  if (existsSync(path)) return;
  const { version, module } = GO_PROGRAMS[program];
  say(`building ${program} ${version} (Go), some minutes the first time …`);
  if (module === null) {
    run('go', ['build', '-o', path, '.'], { cwd: join(SOURCE, 'centrifuge'), GOTOOLCHAIN: 'local' });
    return;
  }
  const folder = join(path, '..');
  mkdirSync(folder, { recursive: true });
  run('go', ['install', `${module}@${version}`], { cwd: folder, GOTOOLCHAIN: TOOLCHAIN, GOBIN: folder });
}

function run(
  command: string,
  args: readonly string[],
  { cwd, ...env }: { readonly cwd: string; readonly GOTOOLCHAIN?: string; readonly GOBIN?: string },
): void {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, ...env },
  });
  if (status !== 0)
    throw new Error(
      `${command} ${args.join(' ')} in ${cwd} failed: ${error?.message ?? stderr.slice(-2_000)}`,
    );
}
