import { expect, it } from 'vitest';
import { fuzzHttp } from '../../hostile/fuzz/fuzz-http.ts';
import { fuzzSockets } from '../../hostile/fuzz/fuzz-sockets.ts';
import { registerUser } from '../../support/plain/users.ts';
import { Random } from '../../support/random.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

/** The short form of `npm run test:hostile`: the same generators, from fixed seeds. */

const processes = processesForTests();

it('frames mutated in every state of a session get documented answers, and end no process', async () => {
  const relay = await processes.relay({ RELAY_ENVELOPES_PER_S: '0', RELAY_NOISE_PER_S: '0' });
  const users = [];
  for (let n = 0; n < 16; n += 1) users.push(await registerUser(relay.http));
  const random = new Random(1);
  const { surprises, answers } = await fuzzSockets({
    url: relay.ws,
    users,
    frames: 10_000,
    socketsAtOnce: 8,
    random,
  });
  expect(surprises).toEqual([]);
  for (const seen of [
    'bad_frame',
    'bad_signature',
    'sender_mismatch',
    'accepted',
    'not_connected',
    'close 4400',
  ]) {
    expect(answers.get(seen) ?? 0, seen).toBeGreaterThan(0);
  }
  expect(relay.ended).toBeNull();
  expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
});

it('mutated HTTP requests get documented answers or none, and end no process', async () => {
  const relay = await processes.relay({ RELAY_CONNECT_TIMEOUT_MS: '500' });
  const { surprises, answers } = await fuzzHttp({
    port: relay.port,
    requests: 2_000,
    atOnce: 64,
    random: new Random(1),
  });
  expect(surprises).toEqual([]);
  for (const seen of [101, 200, 400, 404, 505]) expect(answers.get(seen) ?? 0, `${seen}`).toBeGreaterThan(0);
  expect((await registerUser(relay.http)).code).toHaveLength(7);
  expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
});
