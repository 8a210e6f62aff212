import { beforeAll, expect, it } from 'vitest';
import { connectText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const relay = relayForTests({ RELAY_TAKEOVERS_MAX: '3' });
let alice: PlainUser;

beforeAll(async () => {
  alice = await registerUser(relay.http);
});

it('makes a device wait once several have displaced each other for too long, and lets it in after that', async () => {
  const devices: PlainClient[] = [];
  // The first displaces none; three displacements are free, the fourth makes the next login wait.
  for (let login = 0; login < 5; login += 1) devices.push(await PlainClient.login(relay.ws, alice));
  for (const device of devices.slice(0, -1)) expect((await device.untilClosed()).code).toBe(4409);

  const early = await PlainClient.open(relay.ws);
  early.sendData(alice, connectText(alice.code));
  const { code, reason } = await early.untilClosed();
  const [told] = early.errors();
  expect(told).toMatchObject({ code: 'rate_limited', frame: 1 });
  expect(told?.retry_after_ms).toBeGreaterThan(0);
  expect(told?.retry_after_ms).toBeLessThanOrEqual(1_000);
  expect({ code, reason }).toEqual({ code: 1012, reason: `retry in ${told?.retry_after_ms} ms` });
  // The device that it would have displaced stays.
  expect(devices.at(-1)?.closed).toBeNull();
  expect(await relay.metric('keyrelay_logins_damped_total')).toBe(1);

  const mayLogIn = () =>
    PlainClient.login(relay.ws, alice).then(
      () => true,
      () => false,
    );
  await until(mayLogIn, { what: 'the wait to be over' });
});
