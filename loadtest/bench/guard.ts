/**
 * Fails if an envelope costs more processor time than so many verifies, nodes and Redis together, at full load: what a
 * change must not make dearer unnoticed. Processor time in units of processor time, never a rate or a latency, so that
 * a slow or busy machine does not fail it; a run that did is made once more.
 *
 *   node loadtest/run.mjs bench/guard.ts 3.3
 */
import { say } from '../support/say.ts';
import { Rig, startKeyrelay, startShards } from './rig.ts';
import { measureVerify } from './verify-cost.ts';

const PAIRS = 32;
/** Many, so that a machine that is short of time handles many at each wake-up: what one costs alone is another question. */
const OUTSTANDING = 32;
const PAYLOAD_BYTES = 100;
/** Until V8 has compiled what is hot, an envelope costs up to twice as much; that takes envelopes, not time. */
const WARM_UP_ENVELOPES = 12_000;
const WARM_UP_S_MAX = 6;
const MEASURED = { seconds: 3, envelopes: 25_000 };
/** Fewer say more about how processes start than about envelopes. */
const RECEIVED_MIN = 1_000;
const TRIES_MAX = 2;

const bound = Number(process.argv[2]);
if (!(bound > 0)) throw new Error('how many verifies may an envelope cost? for example: bench/guard.ts 3.3');

const rig = await Rig.start({
  nodes: 2,
  workers: 1,
  store: await startShards(1),
  startNode: (redisUrl, number) => startKeyrelay({ redisUrl, number, profileFolder: null }),
});
let held = false;
try {
  await rig.connect({ count: PAIRS, payloadBytes: PAYLOAD_BYTES, protocol: 1, dialect: null });
  await warmUp();
  for (let tries = 1; tries <= TRIES_MAX && !held; tries += 1) held = await measure();
} finally {
  await rig.stop();
}
if (!held) {
  console.error(`an envelope costs more than ${bound} verifies: \`npm run bench -- --profile\` tells where`);
  process.exitCode = 1;
}

async function warmUp(): Promise<void> {
  let received = 0;
  for (let second = 1; second <= WARM_UP_S_MAX && received < WARM_UP_ENVELOPES; second += 1)
    received += (await load({ seconds: 1, envelopes: WARM_UP_ENVELOPES })).received;
}

/** Whether the bound held. */
async function measure(): Promise<boolean> {
  const verifyBefore = measureVerify(PAYLOAD_BYTES + 100);
  const { received, missing, us } = await load(MEASURED);
  const verifyUs = (verifyBefore + measureVerify(PAYLOAD_BYTES + 100)) / 2;
  const cost = us / received / verifyUs;
  const figures = `${(us / received).toFixed(1)} µs, a verify ${verifyUs.toFixed(1)} µs`;
  say(
    `${received} envelopes, ${missing} missing: ${cost.toFixed(2)} verifies each (${figures}); the bound is ${bound}`,
  );
  return received >= RECEIVED_MIN && missing === 0 && cost <= bound;
}

/** Closed loop, over so many envelopes at most. `us`: of nodes and Redis. */
async function load(plan: {
  readonly seconds: number;
  readonly envelopes: number;
}): Promise<{ received: number; missing: number; us: number }> {
  await rig.run({ do: 'sign', envelopes: plan.envelopes });
  const before = rig.cpu();
  const results = await rig.run({
    do: 'run',
    load: { mode: 'closed', outstanding: OUTSTANDING, seconds: plan.seconds },
  });
  const after = rig.cpu();
  const sum = (of: 'sent' | 'received') => results.reduce((total, result) => total + result[of], 0);
  return {
    received: sum('received'),
    missing: sum('sent') - sum('received'),
    us: after.nodes + after.redis - before.nodes - before.redis,
  };
}
