/**
 * What one envelope costs in processor time, step by step: decode, verify, copy for the recipient; each as a share of
 * one verify, the work that nothing can spare.
 *
 *   node loadtest/run.mjs micro/frames.ts
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { cpus } from 'node:os';
import { parsePublicKey, verifySignature } from '../../src/crypto/verify.ts';
import { DELIVERED_OVERHEAD_BYTES, writeDelivered } from '../../src/protocol/frames/delivered.ts';
import { type ClientFrame, decodeFrame } from '../../src/protocol/frames/frame.ts';
import { frame, signedText } from '../../src/protocol/frames/relay-frames.ts';

/** The first is about the smallest that there can be. */
const FRAME_BYTES = [217, 400, 4096, 65_536];
const RUNS = 9;
/** Long enough that the clock's grain does not matter. */
const RUN_MS = 150;

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = parsePublicKey(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'));

interface Sample {
  readonly bytes: Uint8Array;
  readonly found: Extract<ClientFrame, { kind: 'envelope' }>;
}

/** A signed envelope of `size` bytes, in a buffer of its own as uWebSockets gives it. */
function sample(size: number): Sample {
  const [sender, recipient] = ['A11CE00', 'B0B0000'];
  const text = (ciphertext: string | null) => {
    const data =
      ciphertext === null
        ? signedText({ sender, recipient, message: { type: 'x' } })
        : signedText({
            sender,
            recipient,
            id: 'c0ffee01',
            message: { type: 'message', payload: { ciphertext } },
          });
    return frame(data, sign(null, Buffer.from(data), privateKey).toString('hex'));
  };
  const room = size - text('').length;
  const filling = Buffer.alloc(size, 'c2VjcmV0').toString('latin1');
  const bytes = new TextEncoder().encode(room < 0 ? text(null) : text(filling.slice(0, room)));
  const found = decodeFrame(bytes, 1);
  if (found.kind !== 'envelope') throw new Error(`the sample is no envelope: ${JSON.stringify(found)}`);
  return { bytes, found };
}

const STEPS: Record<string, (sample: Sample) => unknown> = {
  decode: ({ bytes }) => decodeFrame(bytes, 1),
  verify: ({ bytes, found }) =>
    verifySignature(key, bytes.subarray(found.dataStart, found.dataEnd), found.signature) || fail(),
  copy: ({ bytes, found }) => {
    const target = Buffer.allocUnsafe(found.dataEnd - found.dataStart + DELIVERED_OVERHEAD_BYTES);
    writeDelivered(target, bytes, found);
    return target;
  },
};

function fail(): never {
  throw new Error('a valid signature did not verify');
}

/** µs of user and system time for one call: the median of several runs, and the spread of the middle half. */
function costOf(step: () => unknown): { us: number; spread: number } {
  // Warm up, and find how many calls fill a run.
  let calls = 0;
  for (const end = performance.now() + RUN_MS; performance.now() < end; calls++) step();
  const costs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call++) step();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  }).sort((one, other) => one - other);
  const at = (share: number) => costs[Math.floor(share * (costs.length - 1))] ?? Number.NaN;
  return { us: at(0.5), spread: at(0.75) - at(0.25) };
}

const rows = FRAME_BYTES.map((size) => {
  const one = sample(size);
  const row: Record<string, string | number> = { 'frame, bytes': one.bytes.length };
  const us: Record<string, number> = {};
  for (const [name, step] of Object.entries(STEPS)) {
    const cost = costOf(() => step(one));
    us[name] = cost.us;
    row[`${name}, µs`] = `${cost.us.toFixed(2)} ± ${(cost.spread / 2).toFixed(2)}`;
  }
  for (const name of ['decode', 'copy']) {
    row[`${name} / verify`] = ((us[name] ?? Number.NaN) / (us.verify ?? Number.NaN)).toFixed(3);
  }
  return row;
});

console.log(
  `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}; median of ${RUNS} runs ± quartile`,
);
console.table(rows);
