import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { valuesSchemaJson } from '../../../deploy/helm/schema.ts';
import { METRICS } from '../../../src/ops/metrics/metric-table.ts';
import type { Setting } from '../../../src/ops/settings/setting.ts';
import { SETTINGS } from '../../../src/ops/settings/settings.ts';
import { folderForTests } from '../../support/folder.ts';

const FOLDER = fileURLToPath(new URL('../../../deploy/helm/', import.meta.url));
const rendered = (name: 'plain' | 'full') => readFileSync(join(FOLDER, `rendered/${name}.yaml`), 'utf8');
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: FOLDER, encoding: 'utf8' });
const kinds = (yaml: string) => [...yaml.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind).sort();

test('values.schema.json is what schema.ts says', async () => {
  await expect(valuesSchemaJson(), 'the schema is behind the code: npm run docs').toMatchFileSnapshot(
    '../../../deploy/helm/keyrelay/values.schema.json',
  );
});

describe.each(['plain', 'full'] as const)('deploy/helm/rendered/%s.yaml', (name) => {
  const yaml = rendered(name);
  const folder = folderForTests();

  test('comes from the chart as it is now', () => {
    const digest = run('./digest.sh').trim();
    expect(yaml.split('\n')[0], 'run deploy/helm/render.sh').toContain(digest);
  });

  // Without helm the digest above stands in: a changed chart was rendered.
  test.runIf(hasHelm())('is what helm makes of it', () => {
    run('./render.sh', folder);
    expect(readFileSync(join(folder, `${name}.yaml`), 'utf8')).toBe(yaml);
  });

  test('sets only settings that exist', () => {
    const settings = Object.values<Setting<unknown>>(SETTINGS);
    const known = new Set<string>(
      settings.flatMap(({ env, secret }) => (secret === true ? [env, `${env}_FILE`] : [env])),
    );
    const set = [...yaml.matchAll(/\bname: (RELAY_\w+)/g)].map(([, setting = '']) => setting);
    expect(set.length).toBeGreaterThan(3);
    expect(set.filter((setting) => !known.has(setting))).toEqual([]);
  });

  test('gives a stopping pod the time that preStop and the drain take', () => {
    const number = (pattern: RegExp) => Number(pattern.exec(yaml)?.[1]);
    const grace = number(/terminationGracePeriodSeconds: (\d+)/);
    const preStop = number(/setTimeout\(\(\) => \{\}, (\d+)\)/) / 1000;
    const drain = number(/RELAY_DRAIN_MS, value: "(\d+)"/) / 1000;
    expect(grace).toBeGreaterThanOrEqual(preStop + drain + 10);
  });

  test('shows no number as a float, and every environment variable as text', () => {
    expect(yaml.match(/\d[eE]\+\d+/g)).toBeNull();
    const values = [...yaml.matchAll(/- \{ name: \w+, value: (.*) \}$/gm)].map(([, value = '']) => value);
    expect(values.length).toBeGreaterThan(2);
    expect(values.filter((value) => !/^".*"$/.test(value))).toEqual([]);
  });
});

test('a plain cluster is asked for what every cluster has', () => {
  expect(kinds(rendered('plain'))).toEqual([
    'Deployment',
    'Pod',
    'PodDisruptionBudget',
    'Service',
    'Service',
  ]);
});

describe('with everything turned on', () => {
  const yaml = rendered('full');

  test('numbers of any size stay what they were', () => {
    expect(yaml).toContain('{ name: RELAY_MAX_USERS, value: "2000000" }');
    expect(yaml).toContain('maxReplicas: 1000000');
    expect(yaml).toContain('averageValue: "1200000"');
    expect(yaml).toContain('"tolerationSeconds":2000000');
  });

  test('a NetworkPolicy lets nodes reach Redis and its sentinels', () => {
    expect(kinds(yaml)).toContain('NetworkPolicy');
    expect(yaml).toMatch(/- port: 6379\n {8}- port: 26379\n/);
  });

  test('secrets come as files from the keys that were named, and no others', () => {
    const files = [...yaml.matchAll(/name: (RELAY_\w+)_FILE, value: "\/etc\/keyrelay\/([^"]+)"/g)];
    expect(Object.fromEntries(files.map(([, name, key]) => [name, key]))).toEqual({
      RELAY_ADMIN_TOKEN: '007',
      RELAY_PUSH_VAPID_KEY: 'vapid',
      RELAY_WAKE_SECRET: 'true',
      RELAY_WAKE_URL: 'wake-url',
    });
    const items = [...yaml.matchAll(/- \{ key: "([^"]+)", path: "([^"]+)" \}/g)];
    expect(items.map(([, key, path]) => [key, path])).toEqual(
      ['007', 'true', 'vapid', 'wake-url'].map((key) => [key, key]),
    );
    expect(yaml).toContain('secretName: "12345"');
    expect(yaml).toContain('- { name: secrets, mountPath: /etc/keyrelay, readOnly: true }');
  });

  test('the autoscaler reads a metric that nodes have', () => {
    const name = /metric: \{ name: (\w+) \}/.exec(yaml)?.[1];
    expect(Object.values(METRICS).map((metric) => metric.name as string)).toContain(name);
  });

  test('every alert is there', () => {
    const alerts = readFileSync(join(FOLDER, '../prometheus/rules/alerts.yml'), 'utf8').match(
      /- alert: \w+/g,
    );
    expect(yaml.match(/- alert: \w+/g)).toEqual(alerts);
  });
});

describe.runIf(hasHelm())('nonsense is refused before it reaches a cluster', () => {
  const PLAIN = [
    'template',
    'relay',
    'keyrelay',
    '--kube-version',
    '1.31',
    '--values',
    'keyrelay/ci/plain-values.yaml',
  ];

  test.each([
    ['no image', 'image.repository=', /image\.repository/],
    ['no nodes', 'replicas=0', /replicas: Must be greater/],
    ['a misspelt value', 'replcas=2', /replcas is not allowed/],
    ['a misspelt setting', 'settings.RELAY_MAX_USRS=5', /RELAY_MAX_USRS is not allowed/],
    ['a setting that the chart makes', 'settings.RELAY_PORT=5', /RELAY_PORT is not allowed/],
    ['no drain', 'settings.RELAY_DRAIN_MS=null', /RELAY_DRAIN_MS is required/],
    ['a drain in words', 'settings.RELAY_DRAIN_MS=soon', /RELAY_DRAIN_MS/],
    ['no hosts', 'hosts={}', /hosts/],
    ['a URL for a host', 'hosts={https://relay.example.com}', /hosts\.0/],
    ['the whole internet as a proxy', 'trustedProxies={0.0.0.0/0}', /trustedProxies\.0/],
    ['an address for a network', 'trustedProxies={10.0.0.1}', /trustedProxies\.0/],
    ['a number for an annotation', 'podAnnotations.a=5', /podAnnotations\.a/],
    ['a key of a Secret without its name', 'secrets.keys.RELAY_ADMIN_TOKEN=token', /secrets\.name/],
    ['a setting that is no secret', 'secrets.keys.RELAY_WEB=web', /RELAY_WEB is not allowed/],
    ['a port that cannot be', 'networkPolicy.redisPorts[0]=70000', /redisPorts\.0/],
  ])('%s', (_what, set, says) => {
    const { status, stderr } = spawnSync('helm', [...PLAIN, '--set', set], { cwd: FOLDER, encoding: 'utf8' });
    expect(stderr).toMatch(says);
    expect(status).not.toBe(0);
  });
});

function hasHelm(): boolean {
  try {
    execFileSync('helm', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
