import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answers, plainEnvelope } from '../../support/clients/scene.ts';
import { decodeSpans, type Span } from '../../support/documents/otlp.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/** Traces of an envelope's way over two nodes, sent by OpenTelemetry to a collector. */

const redis = redisForTests();
const processes = processesForTests();
let collector: Server;
let endpoint: string;
const spans: Span[] = [];

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      expect(request.url).toBe('/v1/traces');
      spans.push(...decodeSpans(Buffer.concat(chunks)));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  }).listen(0, '127.0.0.1');
  await until(() => collector.listening, { what: 'the collector' });
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});

afterAll(() => collector.close());

const node = (id: string, settings: Record<string, string>) =>
  processes.relay({
    RELAY_REDIS_URL: redis.url,
    RELAY_NODE_ID: id,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    ...settings,
  });

/** Alice at one node writes to Bob at another, who is connected, and then once more while he is away. */
async function talk(settings: Record<string, string>): Promise<readonly string[]> {
  const [left, right] = [await node('left', settings), await node('right', settings)];
  const [alice, bob] = [await registerUser(left.http), await registerUser(left.http)];
  const sender = await PlainClient.login(left.ws, alice);
  const recipient = await PlainClient.login(right.ws, bob);
  const frames = [plainEnvelope(alice, bob.code), plainEnvelope(alice, bob.code)];
  sender.send(frames[0] ?? '');
  await recipient.until(() => recipient.envelopes.length === 1);
  await right.untilMetric('keyrelay_envelopes_confirmed_total', (count) => count === 1);
  await recipient.close();
  sender.send(frames[1] ?? '');
  await sender.until(() => answers(sender) === 2);
  const again = await PlainClient.login(right.ws, bob);
  await again.until(() => again.envelopes.length === 1);
  await right.untilMetric('keyrelay_envelopes_confirmed_total', (count) => count === 2);
  await again.close();
  await sender.close();
  expect(await left.stop()).toBe('exit code 0');
  expect(await right.stop()).toBe('exit code 0');
  return frames.map((frame) => /"signature":"([0-9a-f]{32})/.exec(frame)?.[1] ?? '');
}

describe('with OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  let traces: readonly string[];
  beforeAll(async () => {
    spans.length = 0;
    traces = await talk({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    await until(() => spans.length >= 4, { what: 'four spans' });
  });

  test('each envelope is one trace over both nodes, found by its signature', () => {
    expect(
      spans
        .map(({ traceId, name, node }) => ({ traceId, name, node }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    ).toEqual(
      expect.arrayContaining(
        traces.flatMap((traceId) => [
          { traceId, name: 'keyrelay store', node: 'left' },
          { traceId, name: 'keyrelay deliver', node: 'right' },
        ]),
      ),
    );
    expect(spans).toHaveLength(4);
    for (const { resource } of spans) {
      expect(resource).toMatchObject({ 'service.name': 'keyrelay', 'deployment.environment.name': 'test' });
    }
  });

  test('what the recipient was sent hangs below what the sender sent, later, with its receipt', () => {
    for (const traceId of traces) {
      const [store] = spans.filter((span) => span.traceId === traceId && span.name === 'keyrelay store');
      const [deliver] = spans.filter((span) => span.traceId === traceId && span.name === 'keyrelay deliver');
      expect(store?.parentSpanId).toBe('');
      expect(deliver?.parentSpanId).toBe(store?.spanId);
      expect(deliver?.startNs).toBeGreaterThanOrEqual(store?.startNs ?? 0n);
      expect(deliver?.endNs).toBeGreaterThan(deliver?.startNs ?? 0n);
      expect(store?.attributes).toMatchObject({ 'keyrelay.outcome': 'stored' });
      expect(deliver?.attributes).toMatchObject({ 'keyrelay.outcome': 'confirmed' });
      expect(deliver?.events).toEqual(['receipt']);
    }
    const via = traces.map(
      (id) =>
        spans.find((span) => span.traceId === id && span.name.endsWith('deliver'))?.attributes[
          'keyrelay.via'
        ],
    );
    expect(via).toEqual(['wake-up', 'read']);
  });

  test('no code, no key and no content is in it', () => {
    expect(
      JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toMatch(/"[0-9A-Z]{7}"|payload|ecdh/);
  });
});

test.each([
  { what: 'nothing set', settings: {} },
  { what: 'turned off', settings: { OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' } },
  { what: 'none sampled', settings: { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' } },
])('$what: no span', async ({ what, settings }) => {
  spans.length = 0;
  await talk({ ...settings, ...(what === 'nothing set' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }) });
  expect(spans).toEqual([]);
});

test('a collector that is away is logged once, and changes nothing', async () => {
  const relay = await node('lonely', {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  });
  const alice = await registerUser(relay.http);
  const client = await PlainClient.login(relay.ws, alice);
  client.send(plainEnvelope(alice, alice.code));
  await client.until(() => client.envelopes.length === 1);
  await client.close();
  await until(() => relay.output.includes('traces cannot be sent'), {
    what: 'the log line',
    timeoutMs: 20_000,
  });
  expect(await relay.stop()).toBe('exit code 0');
});

test.each([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER is .*zipkin.*: must be otlp or none/],
  [
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    /OTEL_EXPORTER_OTLP_PROTOCOL is .*grpc.*: must be http\/protobuf/,
  ],
  [{ OTEL_TRACES_SAMPLER: 'jaeger' }, /OTEL_TRACES_SAMPLER is .*jaeger.*: must be always_on/],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '5' }, /must be a number from 0 to 1/],
])('what cannot be done is refused at the start: %j', async (settings, says) => {
  await expect(node('other', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...settings })).rejects.toThrow(says);
});
