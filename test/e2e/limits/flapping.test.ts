import { afterAll, beforeAll, expect, it } from 'vitest';
import { frameOf, PlainClient, type PlainUser, registerUser } from '../../support/clients/plain-client.ts';
import { Processes, type RelayProcess } from '../../support/servers/processes.ts';
import { until } from '../../support/until.ts';

const processes = new Processes();
let relay: RelayProcess;
let alice: PlainUser;

beforeAll(async () => {
  relay = await processes.relay({ RELAY_TAKEOVERS_MAX: '3' });
  alice = await registerUser(relay.http);
});
afterAll(() => processes.stop());

it('tells a device to wait once several have displaced each other for too long, and lets it in after that', async () => {
  const devices: PlainClient[] = [];
  // The first displaces nobody; three displacements are free, the fourth makes the next login wait.
  for (let login = 0; login < 5; login += 1) devices.push(await PlainClient.login(relay.ws, alice));
  for (const device of devices.slice(0, -1)) expect((await device.untilClosed()).code).toBe(4409);

  const early = await PlainClient.open(relay.ws);
  early.send(frameOf(alice, `{"sender":"${alice.code}","message":{"type":"connect"}}`));
  const { code, reason } = await early.untilClosed();
  const [told] = early.errors();
  expect(told).toMatchObject({ code: 'rate_limited', frame: 1 });
  expect(told?.retry_after_ms).toBeGreaterThan(0);
  expect(told?.retry_after_ms).toBeLessThanOrEqual(1_000);
  expect({ code, reason }).toEqual({ code: 1012, reason: `retry in ${told?.retry_after_ms} ms` });
  // Whom it would have displaced stays.
  expect(devices.at(-1)?.closed).toBeNull();
  expect(await relay.metric('keyrelay_logins_damped_total')).toBe(1);

  const answer = async () => (await PlainClient.login(relay.ws, alice)).serverFrames[0]?.data.message.type;
  await until(async () => (await answer()) === 'connect_ack', { what: 'the wait to be over' });
});
