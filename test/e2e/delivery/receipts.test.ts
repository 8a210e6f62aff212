import { describe, expect, it } from 'vitest';
import { plainEnvelope } from '../../support/clients/scene.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

const processes = processesForTests();

describe('receipts', () => {
  const MALFORMED = ['$', '-', '+', '0-0', '*', '99999999999999999-0', '1-1', 'x'.repeat(125), '\r\n', '\0'];

  it('pongs with foreign, future and malformed ids remove nothing', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '0' });
    const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
    const sender = await PlainClient.login(relay.ws, alice);
    const silent = await PlainClient.login(relay.ws, bob, { pongs: 'none' });
    for (let n = 0; n < 3; n += 1) sender.send(plainEnvelope(alice, bob.code));
    await silent.until(() => silent.envelopes.length === 3);
    for (let n = 0; n < 10_000; n += 1) silent.ws.pong(MALFORMED[n % MALFORMED.length]);
    await relay.untilMetric('keyrelay_foreign_receipts_total', (count) => count >= 9_000, 'pong');
    await silent.close();
    const again = await PlainClient.login(relay.ws, bob);
    await again.until(() => again.envelopes.length === 3);
    expect(again.envelopes).toEqual(silent.envelopes);
    await again.close();
    await sender.close();
  });

  it('ids seen on the socket of another user remove nothing', async () => {
    const relay = await processes.relay();
    const [alice, bob, carol] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const sender = await PlainClient.login(relay.ws, alice);
    const bobs = await PlainClient.login(relay.ws, bob, { pongs: 'none' });
    const carols = await PlainClient.login(relay.ws, carol, { pongs: 'none' });
    sender.send(plainEnvelope(alice, bob.code));
    sender.send(plainEnvelope(alice, carol.code));
    await bobs.until(() => bobs.pings.length > 0);
    await carols.until(() => carols.pings.length > 0);
    for (const ping of carols.pings) bobs.ws.pong(ping);
    await relay.untilMetric('keyrelay_foreign_receipts_total', (count) => count >= 1, 'pong');
    expect(await relay.metric('keyrelay_envelopes_confirmed_total')).toBe(0);
    for (const client of [sender, bobs, carols]) await client.close();
  });
});
