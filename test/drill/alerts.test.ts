import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRules } from '../support/promql.ts';
import { until } from '../support/until.ts';
import { FAULTS, SMALL, writeCertificate } from './faults.ts';
import { Stage } from './stage.ts';

/** `DRILL_SPEED=1` takes the times of the alerts as they are, and most of a working day. */
const SPEED = Number(process.env.DRILL_SPEED ?? 10);
/** The slowest: ten minutes pending, and what a rate over ten minutes adds. */
const PATIENCE_MS = (40 * 60_000) / SPEED + 60_000;

const certificates = mkdtempSync(join(tmpdir(), 'keyrelay-drill-tls-'));
const faults = FAULTS(certificates);
const rules = readRules(
  readFileSync(new URL('../../deploy/prometheus/rules/alerts.yml', import.meta.url), 'utf8'),
);
const rows: string[] = [];
let stage: Stage;

beforeAll(async () => {
  writeCertificate(certificates, 90);
  const tls = {
    RELAY_TLS_CERT: join(certificates, 'relay.crt'),
    RELAY_TLS_KEY: join(certificates, 'relay.key'),
  };
  stage = await Stage.open({
    speed: SPEED,
    people: 24,
    settings: { RELAY_MAILBOX_ENVELOPES: '300' },
    extras: { small: SMALL, tls },
  });
  stage.crowd.write(40);
});

afterAll(async () => {
  await stage.close();
  rmSync(certificates, { recursive: true });
  const head = [
    `| fault | alert | fires after | resolved after mending | fired too |`,
    `|---|---|---|---|---|`,
  ];
  console.log(`times divided by ${SPEED}\n\n${[...head, ...rows].join('\n')}`);
});

test('every alert has a fault that drives it', () => {
  const driven = faults.flatMap(({ alerts }) => alerts);
  expect(driven.toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
});

const calm = async () => (await stage.firing()).size === 0;

test.each(faults.map((fault) => [fault.what, fault] as const))('%s', async (what, { alerts, begin }) => {
  await until(calm, { what: 'no alert to fire before the fault', timeoutMs: PATIENCE_MS });
  const startedMs = performance.now();
  const fired = new Map<string, number>();
  const mend = await begin(stage);
  const allFired = async () => {
    for (const name of await stage.firing()) {
      if (!fired.has(name)) fired.set(name, performance.now() - startedMs);
    }
    return alerts.every((name) => fired.has(name));
  };
  try {
    await until(allFired, { what: `${alerts.join(', ')} to fire`, timeoutMs: PATIENCE_MS });
  } finally {
    await mend();
  }
  const mendedMs = performance.now();
  const resolved = new Map<string, number>();
  const allResolved = async () => {
    const firing = await stage.firing();
    for (const name of alerts) {
      if (!firing.has(name) && !resolved.has(name)) resolved.set(name, performance.now() - mendedMs);
    }
    return alerts.every((name) => !firing.has(name));
  };
  await until(allResolved, { what: `${alerts.join(', ')} to resolve`, timeoutMs: PATIENCE_MS });
  const others = [...fired.keys()].filter((name) => !alerts.includes(name));
  for (const name of alerts) {
    const seconds = (times: Map<string, number>) =>
      `${((times.get(name) ?? Number.NaN) / 1000).toFixed(0)} s`;
    rows.push(`| ${what} | ${name} | ${seconds(fired)} | ${seconds(resolved)} | ${others.join(', ')} |`);
  }
});
