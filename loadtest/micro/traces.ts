/**
 * What traces cost, in processor time of one envelope over store, wake-up and receipt: an engine in memory as it is
 * (tracing off: the relay runs with exactly this), with tracing on and one in a hundred sampled, and with all sampled.
 * The three take turns, so that what else the machine does hits them alike.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTracing } from '../../src/cli/serve/open-telemetry.ts';
import { tracedEngine } from '../../src/cli/serve/traced-engine.ts';
import type { Engine, MailboxId } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLog } from '../../src/ops/log/log.ts';

const ROUNDS = 15;
const ENVELOPES = 10_000;

const limits = {
  mailboxEnvelopes: 1_000,
  mailboxBytes: 4 << 20,
  mailboxSharePercent: 100,
  mailboxTtlMs: 3_600_000,
  maxUsers: 10,
  maxBlocks: 10,
};

/** Microseconds of processor time for one envelope. */
async function measure(engine: Engine): Promise<number> {
  await engine.start();
  const hex = (bytes: number) => randomBytes(bytes).toString('hex');
  const registered = await engine.register({
    ecdhPublicKey: hex(32),
    eddsaPublicKey: hex(32),
    name: null,
    proof: null,
  });
  if (!('user' in registered)) throw new Error(registered.outcome);
  const { code } = registered.user;
  const claimed = await engine.claim({ code, token: hex(16), protocol: 2 });
  if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
  let newest: MailboxId = claimed.last;
  const listener = {
    onWakeUp: ({ id }: { id: MailboxId }) => {
      newest = id;
    },
    onClaimed: () => {},
    onPoll: () => {},
    onReclaim: () => {},
  };
  const subscription = await engine.subscribe(code, listener);
  const frames = Array.from({ length: ENVELOPES }, () =>
    Buffer.from(`{"data":{"message":"${'x'.repeat(200)}"},"signature":"${hex(64)}"}`),
  );
  const started = process.cpuUsage();
  for (const [index, frame] of frames.entries()) {
    const envelopes = [{ frame, dedupe: null }];
    await engine.deliver({
      sender: code,
      recipient: code,
      epoch: claimed.session.epoch,
      number: index + 1,
      heldAtMs: performance.now(),
      envelopes,
    });
    await engine.confirm(claimed.session, newest);
  }
  const { user, system } = process.cpuUsage(started);
  subscription.unsubscribe();
  await engine.close();
  return (user + system) / ENVELOPES;
}

const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end());
}).listen(0, '127.0.0.1');
await new Promise((resolve) => collector.once('listening', resolve));
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

async function tracing(ratio: string) {
  process.env.OTEL_TRACES_SAMPLER = 'traceidratio';
  process.env.OTEL_TRACES_SAMPLER_ARG = ratio;
  return startTracing({
    nodeId: 'bench',
    version: '0',
    log: createLog({ logLevel: 'warn', nodeId: 'bench' }),
  });
}

const [few, all] = [await tracing('0.01'), await tracing('1')];
const kinds: readonly (readonly [string, () => Engine])[] = [
  ['off', () => createMemoryEngine({ limits })],
  ['on, 1 % sampled', () => tracedEngine(createMemoryEngine({ limits }), few)],
  ['on, all sampled', () => tracedEngine(createMemoryEngine({ limits }), all)],
];
const figures = new Map(kinds.map(([name]) => [name, [] as number[]]));
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, make] of kinds) {
    const us = await measure(make());
    // The first round is compiled while it runs.
    if (round > 0) figures.get(name)?.push(us);
  }
}
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const off = median(figures.get('off') ?? []);
for (const [name, values] of figures) {
  const us = median(values);
  console.log(
    `${name.padEnd(18)}${us.toFixed(2).padStart(8)} µs an envelope   + ${(us - off).toFixed(2)} µs`,
  );
}
await Promise.all([few.close(), all.close()]);
collector.close();
