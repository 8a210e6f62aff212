/**
 * What metrics cost: processor time of everything that is counted for one envelope on its way through both nodes, as
 * a share of one verify, and of one scrape. Metrics cannot be turned off; this is what turning them off would save.
 *
 *   npm run bench:metrics
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { cpus } from 'node:os';
import { parsePublicKey, verifySignature } from '../../src/crypto/verify.ts';
import { createMetrics } from '../../src/ops/metrics/metrics.ts';

const RUNS = 9;
const CALLS = 200_000;
const VERIFIES = 4_000;
const SCRAPES = 100;
const BYTES = 400;

const metrics = createMetrics();
const now = () => performance.now();

/** Every count and every look at the clock between the frame of the sender and the receipt of the recipient. */
function count(): void {
  // relay/inbound.ts, the sender's node.
  metrics.framesReceived.add();
  metrics.bytesReceived.add(BYTES);
  const verifyMs = now();
  metrics.verifySeconds.observe((now() - verifyMs) / 1000);
  metrics.envelopesReceived.of('stored').add();
  // engine/redis/calls.ts: deliver and confirm, as if each envelope had a call of its own.
  for (const verb of ['deliver', 'confirm']) {
    const callMs = now();
    metrics.redisSeconds.of(verb).observe((now() - callMs) / 1000);
  }
  // relay/session.ts, the recipient's node: one envelope in flight is timed.
  metrics.envelopesPushed.add();
  metrics.bytesPushed.add(BYTES);
  const pushedMs = now();
  metrics.acceptToPushSeconds.observe(0.002);
  metrics.pushToConfirmSeconds.observe((now() - pushedMs) / 1000);
  metrics.envelopesConfirmed.add();
}

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = parsePublicKey(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'));
const data = Buffer.alloc(BYTES, 'x');
const signature = sign(null, data, privateKey).toString('hex');

/** Median of several runs, µs of user and system time for one call. */
async function costOf(calls: number, step: () => unknown): Promise<number> {
  const runs: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call += 1) await step();
    const { user, system } = process.cpuUsage(before);
    // The first one warms up.
    if (run > 0) runs.push((user + system) / calls);
  }
  return runs.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
}

const many = () => {
  for (let call = 0; call < CALLS; call += 1) count();
};
const countedUs = (await costOf(1, many)) / CALLS;
const verifyUs = await costOf(VERIFIES, () => {
  if (!verifySignature(key, data, signature)) throw new Error('a valid signature did not verify');
});
const { text } = await metrics.exposition();
const scrapeUs = await costOf(SCRAPES, () => metrics.exposition());
const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;

console.log(`${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}\n`);
console.log('| what | processor time |');
console.log('|---|---|');
console.log(`| all metrics of one envelope, both nodes | ${countedUs.toFixed(2)} µs |`);
console.log(`| one verify | ${verifyUs.toFixed(1)} µs |`);
console.log(`| metrics, as a share of one verify | ${((countedUs / verifyUs) * 100).toFixed(1)} % |`);
console.log(`| one scrape: ${series} series, ${text.length} bytes | ${(scrapeUs / 1000).toFixed(1)} ms |`);
