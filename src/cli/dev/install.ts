import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Servers that are not npm packages: the command, and the Debian package that has it. */
const TOOLS = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  haproxy: 'haproxy',
  nginx: 'nginx-light',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-redis-exporter': 'prometheus-redis-exporter',
  'prometheus-blackbox-exporter': 'prometheus-blackbox-exporter',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  chromium: 'chromium',
  'firefox-esr': 'firefox-esr',
  nft: 'nftables',
  faketime: 'faketime',
} as const;

export type Tool = keyof typeof TOOLS;

/** A tool is missing and may not be installed from here; the message says which command would. */
class ToolMissing extends Error {
  readonly code = 'tool_missing';
}

/** Debian keeps servers where the PATH of ordinary users does not look. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a command, or null if it is not installed. */
export function findTool(tool: Tool): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, tool)).find(isExecutable) ?? null;
}

/** The same, for those who have seen to it that it is installed. */
export function toolPath(tool: Tool): string {
  const path = findTool(tool);
  if (path === null) throw new Error(`${tool} is not installed`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sees to it that the tools are there: installs what is missing from Debian's packages, and says so.
 * @throws ToolMissing where it may not install (not root, not Debian) or installing fails.
 */
export function ensureInstalled(tools: readonly Tool[], say: (line: string) => void): void {
  const missing = tools.filter((tool) => findTool(tool) === null);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => TOOLS[tool]))].join(' ');
  installPackages({ missing: missing.join(', '), packages }, say);
  const absent = missing.filter((tool) => findTool(tool) === null);
  if (absent.length > 0) throw new ToolMissing(`apt-get installed ${packages}, but not ${absent.join(', ')}`);
}

/**
 * Installs Debian's packages for what is missing, and says so.
 * @throws ToolMissing where it may not install (not root, not Debian) or installing fails.
 */
export function installPackages(
  wanted: { readonly missing: string; readonly packages: string },
  say: (line: string) => void,
): void {
  const { missing, packages } = wanted;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new ToolMissing(
      `${missing} missing. On Debian or Ubuntu: sudo apt-get install ${packages}; ` +
        'elsewhere install them as your system does, and have them on the PATH.',
    );
  }
  say(`${missing} missing: installing Debian's ${packages} …`);
  install(packages);
  say(`installed ${packages}`);
}

const INSTALL_TIMEOUT_MS = 300_000;
const LOCKED_RETRY_MS = 1_000;

/** Waits for other installations: `DPkg::Lock::Timeout` does so only for dpkg's lock, not for that of `apt-get update`. */
function install(packages: string): void {
  const apt = 'apt-get -o DPkg::Lock::Timeout=120 -qq';
  const script = `${apt} update && ${apt} install -y --no-install-recommends ${packages}`;
  const endMs = Date.now() + INSTALL_TIMEOUT_MS;
  for (;;) {
    const { status, stdout, stderr, error } = spawnSync('sh', ['-c', script], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT_MS,
    });
    if (status === 0) return;
    const why = error?.message ?? `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    if (!why.includes('Could not get lock') || Date.now() > endMs)
      throw new ToolMissing(`could not install ${packages}: ${why}\nBy hand: apt-get install ${packages}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCKED_RETRY_MS);
  }
}
