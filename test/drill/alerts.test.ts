import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRules } from '../support/documents/promql.ts';
import { PushService } from '../support/services/push-service.ts';
import { WebhookReceiver } from '../support/services/webhook-receiver.ts';
import { until } from '../support/until.ts';
import { drive, type Row, table } from './drive.ts';
import { CLOSED, FLAPPING, SMALL } from './faults/clients.ts';
import { faults as allFaults } from './faults/index.ts';
import { writeCertificate } from './faults/nodes.ts';
import { wakingSettings } from './faults/wake.ts';
import { Stage } from './stage.ts';
import { AlertWatch } from './watch.ts';

/** `DRILL_SPEED=1` takes the times of the alerts as they are, and about an hour. */
const SPEED = Number(process.env.DRILL_SPEED ?? 10);
/** `DRILL_ONLY=KeyrelayDiskFilling,KeyrelayNodesUnseen` drives the faults of these alerts alone. */
const ONLY = process.env.DRILL_ONLY?.split(',');
/** Written by a run at real speed. */
const TABLE = new URL('../../docs/drill.md', import.meta.url);

/** Nodes, and Redis, HAProxy, the machine and the front door. */
const SERVERS = 8 + 4;

const certificates = mkdtempSync(join(tmpdir(), 'keyrelay-drill-tls-'));
const wakers = { receiver: await WebhookReceiver.start(), service: await PushService.start() };
const all = allFaults({ certificateFolder: certificates, speed: SPEED, wakers });
const faults = all.filter(({ alerts }) => ONLY === undefined || alerts.some((name) => ONLY.includes(name)));
const rules = readRules(
  readFileSync(new URL('../../deploy/prometheus/rules/alerts.yml', import.meta.url), 'utf8'),
);
const rows: Row[] = [];
let stage: Stage;
let watch: AlertWatch;

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
    extras: { small: SMALL, flapping: FLAPPING, closed: CLOSED, tls, waking: wakingSettings(wakers) },
  });
  stage.crowd.write(40);
  // A counter that rises before it was first read has not risen, for Prometheus.
  const read = async () => (await stage.query('count(up == 1)'))[0] === SERVERS;
  await until(read, { what: 'Prometheus to have read every server once', timeoutMs: 60_000 });
  watch = new AlertWatch(stage);
});

afterAll(async () => {
  watch.stop();
  await stage.close();
  await Promise.all([wakers.receiver.close(), wakers.service.close()]);
  rmSync(certificates, { recursive: true });
  const order = rules.map(({ name }) => name);
  console.log(table(rows, { speed: SPEED, order, before: '' }));
  if (SPEED === 1)
    writeFileSync(TABLE, table(rows, { speed: 1, order, before: readFileSync(TABLE, 'utf8') }));
});

test('every alert has a fault that drives it', () => {
  const driven = all.flatMap(({ alerts }) => alerts);
  expect(driven.toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
});

const named = (slow: boolean) =>
  faults.filter((fault) => fault.slow === slow).map((fault) => [fault.what, fault] as const);
const run = async (_what: string, fault: (typeof faults)[number]) => {
  rows.push(...(await drive(fault, { stage, watch, speed: SPEED })));
};

// Those that take ten minutes and do not disturb each other happen together, the rest after them one by one.
test.concurrent.each(named(true))('%s', run);
test.each(named(false))('%s', run);
