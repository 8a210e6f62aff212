import { expect, test } from 'vitest';
import { CASES } from '../../../src/cli/conformance/relay/cases.ts';
import { jsonRows, keyrelay } from '../../support/clients/command-line.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { FaultyProxy } from '../../support/services/faulty-proxy.ts';

// Each run registers its own users, all from here.
const relay = relayForTests({ RELAY_REGISTRATIONS_PER_MIN: '0', RELAY_LOOKUPS_PER_MIN: '0' });

async function conformance(url: string) {
  const { code, out } = await keyrelay(['conformance', '--json', '--url', url]);
  return { code, results: jsonRows(out) };
}

test('this relay keeps every promise that the kit knows', async () => {
  const { code, results } = await conformance(relay.http);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results).toHaveLength(CASES.length);
  expect(code).toBe(0);
}, 240_000);

test('a relay that encodes anew, loses acks, gives a prekey twice and answers pings itself is found out, in the right sections', async () => {
  const proxy = await FaultyProxy.start(relay.http, {
    toClient: (frame) => JSON.stringify(JSON.parse(frame)).replace('"index":1', '"index":0'),
    toRelay: (frame) => (frame.startsWith('{"ack":') ? null : frame),
    pongs: true,
  });
  try {
    const { code, results } = await conformance(proxy.url);
    expect(results.flatMap(({ section, case: name, ok }) => (ok ? [] : [`${section}: ${name}`]))).toEqual([
      '2 Frames: what is delivered are the very bytes that were signed',
      '3 Protocol 1: an envelope leaves the mailbox with the pong, not before',
      '4 Protocol 2: an envelope leaves the mailbox with the ack, which is cumulative; pongs confirm nothing',
      '4 Protocol 2: prekeys are handed on as they were signed, each to one claim, and connect_ack counts what is left',
    ]);
    expect(code).toBe(1);
  } finally {
    await proxy.stop();
  }
}, 240_000);
