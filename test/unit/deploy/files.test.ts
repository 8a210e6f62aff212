import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Setting } from '../../../src/ops/settings/setting.ts';
import { SETTINGS } from '../../../src/ops/settings/settings.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
const settings = new Set<string>(
  Object.values<Setting<unknown>>(SETTINGS).flatMap(({ env, secret }) =>
    secret === true ? [env, `${env}_FILE`] : [env],
  ),
);

describe('docker-compose.yml', () => {
  const compose = read('docker-compose.yml');
  const services = compose.slice(compose.indexOf('\nservices:'), compose.indexOf('\nnetworks:'));
  const names = [...services.matchAll(/^ {2}([\w-]+):$/gm)].map(([, name]) => name);

  test('mounts files that exist, read-only', () => {
    const mounts = [...compose.matchAll(/- (\.\/\S+)/g)].map(([, mount = '']) => mount.split(':'));
    expect(mounts.length).toBeGreaterThan(4);
    for (const [source = '', , mode] of mounts) {
      expect(existsSync(`${ROOT}${source}`), source).toBe(true);
      expect(mode, source).toBe('ro');
    }
  });

  test('sets only settings that exist', () => {
    const set = [...compose.matchAll(/\b(RELAY_\w+):/g)].map(([, name = '']) => name);
    expect(set.length).toBeGreaterThan(2);
    expect(set.filter((name) => !settings.has(name))).toEqual([]);
  });

  test('gives HAProxy what its file needs, and nothing that the file does not name', () => {
    const file = read('deploy/haproxy/haproxy.cfg');
    const asked = new Set([...file.matchAll(/\$\{(KEYRELAY_\w+)/g)].map(([, name]) => name));
    const given = [...services.matchAll(/\b(KEYRELAY_\w+):/g)].map(([, name]) => name);
    expect(given.filter((name) => !asked.has(name))).toEqual([]);
    for (const name of ['BIND', 'BIND_OPTIONS', 'METRICS', 'NODES', 'ADMIN'])
      expect(given).toContain(`KEYRELAY_${name}`);
  });

  test('opens no port to other machines', () => {
    const ports = [...compose.matchAll(/ports: \['([^']+)'\]/g)].map(([, port = '']) => port);
    expect(ports.length).toBeGreaterThan(2);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test('has every target that Prometheus scrapes', () => {
    const targets = ['keyrelay', 'redis', 'haproxy', 'machines', 'front-door']
      .flatMap((name) => [...read(`deploy/prometheus/targets/${name}.yml`).matchAll(/([\w-]+):(\d{4})/g)])
      .map(([, host]) => host);
    expect(targets).toHaveLength(8);
    expect(targets.filter((host) => !names.includes(host))).toEqual([]);
  });

  test('bounds the memory and the log of every service', () => {
    const each = services.split(/^ {2}(?=[\w-]+:$)/m).slice(1);
    expect(each.length).toBe(names.length);
    const bounded = (text: string) => /mem_limit: \d+[mg]/.test(text) && text.includes('<<: *log');
    const node = compose.slice(0, compose.indexOf('\nservices:'));
    expect(bounded(node)).toBe(true);
    expect(each.filter((text) => !bounded(text) && !text.includes('<<: *node'))).toEqual([]);
    // What a rewrite of the append-only file needs beside what mail may take.
    const maxmemory = Number(/^maxmemory (\d+)gb$/m.exec(read('deploy/redis/redis.conf'))?.[1]);
    const redis = Number(/redis:\n[\s\S]*?mem_limit: (\d+)g/.exec(services)?.[1]);
    expect(redis).toBeGreaterThanOrEqual(1.5 * maxmemory);
  });

  test('names the version of every image', () => {
    const images = [...services.matchAll(/image: (\S+)/g)].map(([, image = '']) => image);
    expect(images.length).toBeGreaterThan(6);
    expect(images.filter((image) => !/:v?\d+\.\d+/.test(image))).toEqual([]);
  });

  test('gives nodes more time to stop than the drain takes', () => {
    const graceMs = Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1]) * 1000;
    expect(graceMs).toBeGreaterThan(Number(SETTINGS.drainMs.default) + 10_000);
  });
});

describe('deploy/Dockerfile', () => {
  const file = read('deploy/Dockerfile');

  test('copies what exists and what .dockerignore lets through', () => {
    const allowed = [...read('deploy/Dockerfile.dockerignore').matchAll(/^!(.+)$/gm)].map(
      ([, path = '']) => path,
    );
    const copied = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied.length).toBeGreaterThan(3);
    for (const path of copied) {
      expect(existsSync(`${ROOT}${path}`), path).toBe(true);
      expect(
        allowed.some((folder) => `${path}/`.startsWith(`${folder}/`)),
        path,
      ).toBe(true);
    }
    expect(copied).toEqual(expect.arrayContaining(allowed));
  });

  test('ends as a user other than root, on a base with a new enough glibc', () => {
    const last = file.slice(file.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^\nFROM node:24-trixie-slim$/m);
    expect(last).toMatch(/^USER 1000:1000$/m);
    expect(last).not.toMatch(/apt-get install|npm ci/);
  });
});

describe('deploy/systemd', () => {
  const unit = read('deploy/systemd/keyrelay@.service');

  test('gives a node more time to stop than the drain takes, and more files than sockets', () => {
    const number = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(unit)?.[1]);
    expect(number('TimeoutStopSec') * 1000).toBeGreaterThan(Number(SETTINGS.drainMs.default) + 10_000);
    expect(number('LimitNOFILE')).toBeGreaterThan(Number(SETTINGS.maxSockets.default) * 1.5);
  });

  // `systemd-analyze` judges a file offline since 250; Debian 12 has 252. Elsewhere the unit itself says what matters.
  test.runIf(canAnalyze())('is confined: systemd-analyze security says 1.3 of 10 at most', () => {
    const args = ['security', '--offline=yes', '--no-pager', '--threshold=13'];
    const options = { encoding: 'utf8', stdio: 'pipe' } as const;
    const file = `${ROOT}deploy/systemd/keyrelay@.service`;
    expect(execFileSync('systemd-analyze', [...args, file], options)).toContain('Overall exposure level');
  });

  test('can neither write nor change its user', () => {
    for (const line of [
      'DynamicUser=yes',
      'ProtectSystem=strict',
      'CapabilityBoundingSet=',
      'NoNewPrivileges=yes',
    ])
      expect(unit).toMatch(new RegExp(`^${line}$`, 'm'));
  });
});

function canAnalyze(): boolean {
  try {
    const version = execFileSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
    return Number(/^systemd (\d+)/.exec(version)?.[1]) >= 250;
  } catch {
    return false;
  }
}

test('docs/operations.md names only settings, files and metrics that exist', () => {
  const docs = ['docs/operations.md', 'docs/runbook.md'].map(read).join('\n');
  const named = [...docs.matchAll(/\bRELAY_[A-Z_]+\b/g)].map(([name]) => name);
  expect(named.filter((name) => !settings.has(name))).toEqual([]);
  const files = [...docs.matchAll(/\b(?:deploy|docs)\/[\w./@-]*\w/g)].map(([path]) => path);
  expect(files.length).toBeGreaterThan(8);
  expect(files.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([]);
});
