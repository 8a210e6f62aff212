import { describe, expect, it } from 'vitest';
import { plainEnvelope } from '../../support/clients/scene.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { RawConnection, upgradeRequest } from '../../support/plain/raw-connection.ts';
import { makeKeys, postUser, registerUser, registrationOf } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

/** Limits per address, each at a node that has nothing but this limit. */

const processes = processesForTests();

async function upgradeStatus(relay: RelayNode, more: readonly string[] = []): Promise<number> {
  const connection = await RawConnection.open(relay.port);
  connection.write(upgradeRequest(more));
  const { status } = await connection.answer();
  connection.destroy();
  return status;
}

describe('per address', () => {
  it('upgrades beyond the rate get 429, and a forged X-Forwarded-For changes nothing', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '1' });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1)
      statuses.push(await upgradeStatus(relay, [`X-Forwarded-For: 10.0.0.${n}`]));
    expect(statuses).toEqual([101, 101, 429]);
    expect(await relay.metric('keyrelay_upgrades_refused_total', 'address_rate')).toBe(1);
  });

  it('behind a trusted proxy what it appended counts, not what the client wrote before, in one line or two', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '1', RELAY_TRUSTED_PROXIES: '127.0.0.0/8' });
    const oneLine = (n: number) => [`X-Forwarded-For: 10.0.0.${n}, 192.0.2.1`];
    const twoLines = (n: number) => [`X-Forwarded-For: 10.0.0.${n}`, 'X-Forwarded-For: 192.0.2.2'];
    for (const forged of [oneLine, twoLines]) {
      const statuses: number[] = [];
      for (let n = 0; n < 3; n += 1) statuses.push(await upgradeStatus(relay, forged(n)));
      expect(statuses).toEqual([101, 101, 429]);
    }
    expect(await upgradeStatus(relay, ['X-Forwarded-For: 192.0.2.3'])).toBe(101);
  });

  it.each([
    (n: number) => [`X-Forwarded-For: 192.0.2.${n}:5012${n}`],
    (n: number) => [`X-Forwarded-For: [2001:db8:${n}::1]:5012${n}`],
    (n: number) => ['X-Forwarded-For: 10.0.0.1', `X-Forwarded-For:  "192.0.2.${n}:80" `],
    (n: number) => [`Forwarded: for=10.0.0.1;by=10.0.0.2, For="[2001:db8:${n}::1]:4711";proto=https`],
    (n: number) => ['Forwarded: for=10.0.0.1', `Forwarded: proto=https;for=192.0.2.${n}`],
  ])(
    'behind a trusted proxy each client counts by its own address, however it is written (%#)',
    async (headers) => {
      const relay = await processes.relay({
        RELAY_UPGRADES_PER_S: '1',
        RELAY_TRUSTED_PROXIES: '127.0.0.0/8',
      });
      const statuses: number[] = [];
      for (const client of [1, 1, 1, 2]) statuses.push(await upgradeStatus(relay, headers(client)));
      expect(statuses).toEqual([101, 101, 429, 101]);
      expect(relay.output).not.toContain('a trusted proxy hides its clients');
    },
  );

  it('the clients of a trusted proxy that hides them share its address, and the log says so once', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '1', RELAY_TRUSTED_PROXIES: '127.0.0.0/8' });
    const hidden = [
      'X-Forwarded-For: unknown',
      'Forwarded: for=_secret',
      'X-Forwarded-For: 192.0.2.1, _x:80',
    ];
    const statuses: number[] = [];
    for (const header of hidden) statuses.push(await upgradeStatus(relay, [header]));
    expect(statuses).toEqual([101, 101, 429]);
    const warnings = relay.output.match(/.*a trusted proxy hides its clients.*/g) ?? [];
    expect(warnings).toHaveLength(1);
    expect(JSON.parse(warnings[0] ?? '')).toMatchObject({
      severity: 'warn',
      reason: 'no address can be read from "xxxxxxx"',
    });
    expect(relay.output).not.toContain('secret');
  });

  it('connections without a request are refused at twice the rate of upgrades', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '5' });
    const silent = await Promise.all(Array.from({ length: 30 }, () => RawConnection.open(relay.port)));
    await relay.untilMetric('keyrelay_connections_refused_total', (count) => count >= 5, 'address_rate');
    await until(() => silent.filter(({ ended }) => ended).length >= 5, { what: 'their end' });
    expect(silent.filter(({ ended }) => !ended).length).toBeGreaterThanOrEqual(20);
    for (const connection of silent) connection.destroy();
  });

  it('registrations beyond the rate get 429 with Retry-After, whatever the keys', async () => {
    const relay = await processes.relay({ RELAY_REGISTRATIONS_PER_MIN: '5' });
    const statuses: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const response = await postUser(relay.http, registrationOf(makeKeys()));
      statuses.push(response.status);
      if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(statuses.filter((status) => status === 201).length).toBe(5);
    expect(statuses.slice(-40)).toEqual(Array(40).fill(429));
  });

  it('codes tried by sending draw from the budget of look-ups, beyond which known and unknown codes look alike', async () => {
    const relay = await processes.relay({ RELAY_LOOKUPS_PER_MIN: '3' });
    const [mallory, bob, carol] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const client = await PlainClient.login(relay.ws, mallory);
    // A recipient reached once costs nothing from then on.
    for (let n = 0; n < 10; n += 1) client.send(plainEnvelope(mallory, bob.code));
    await client.until(() => client.accepted().length === 10);
    for (const code of ['ZZZZZZ0', 'ZZZZZZ1', 'ZZZZZZ2']) client.send(plainEnvelope(mallory, code));
    await client.until(() => client.errors().length === 3);
    expect(client.errors().map(({ code }) => code)).toEqual(Array(3).fill('recipient_unknown'));
    client.send(plainEnvelope(mallory, 'ZZZZZZ3'));
    client.send(plainEnvelope(mallory, carol.code));
    await client.until(() => client.errors().length === 5);
    const [unknown, known] = client.errors().slice(3);
    expect(unknown?.code).toBe('rate_limited');
    expect(known).toMatchObject({ code: unknown?.code, detail: unknown?.detail });
    expect((await fetch(`${relay.http}/users/${carol.code}`)).status).toBe(429);
    client.send(plainEnvelope(mallory, bob.code));
    await client.until(() => client.accepted().length === 11);
    await client.close();
  });
});
