/**
 * What the Redis engine costs: CPU of this process and of Redis per call, without sockets and signatures.
 *
 *   node loadtest/run.mjs micro/engine.ts [calls]
 *
 * Starts its own Redis.
 */
import type { Engine, MailboxListener, SessionKey } from '../../src/engine/engine.ts';
import { startBenchStore } from './store.ts';

const CALLS = Number(process.argv[2] ?? 100_000);
const USERS = 200;
/** Sending sessions, each with one call in flight: what many sockets of one node do. */
const SENDERS = 100;
const FRAME = Buffer.from(
  `{"data":{"sender":"ALICE00","recipient":"BOB0000","message":{"x":"${'a'.repeat(280)}"}},"signature":"${'b'.repeat(128)}"}`,
);
const DIGEST = 'abcdefghijklmnopqrstuv';

interface Figures {
  readonly calls: number;
  readonly seconds: number;
  readonly nodeUs: number;
  readonly redisUs: number;
}

const store = await startBenchStore({ maxBlocks: 10 });
const { engine } = store;

const sessions: SessionKey[] = [];
for (let n = 0; n < USERS; n += 1) sessions.push(await store.newSession(1));

/** Keeps `SENDERS` workers busy with one call each until all calls are made. */
async function measure(calls: number, call: (worker: number, n: number) => Promise<void>): Promise<Figures> {
  const redisBefore = await store.redisCpuUs();
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  let next = 0;
  const work = async (worker: number) => {
    for (let n = next++; n < calls; n = next++) await call(worker, n);
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, worker) => work(worker)));
  const cpu = process.cpuUsage(cpuBefore);
  const seconds = (performance.now() - startedMs) / 1000;
  return { calls, seconds, nodeUs: cpu.user + cpu.system, redisUs: (await store.redisCpuUs()) - redisBefore };
}

function print(what: string, { calls, seconds, nodeUs, redisUs }: Figures, perCall = 1): void {
  const each = calls * perCall;
  const columns = [Math.round(each / seconds), (nodeUs / each).toFixed(1), (redisUs / each).toFixed(1)];
  process.stdout.write(
    `${what.padEnd(48)}${columns.map((column) => String(column).padStart(10)).join('')}\n`,
  );
}

const numbers = new Map<string, number>();
let serial = 0;

function delivery(
  engine: Engine,
  batch: number,
  withId: boolean,
): (worker: number, n: number) => Promise<void> {
  return async (worker, n) => {
    const recipient = sessions[(worker * 7 + n) % USERS]?.code ?? '';
    const sender = `S${String(worker).padStart(6, '0')}`;
    const pair = `${sender}${recipient}`;
    const number = (numbers.get(pair) ?? 0) + 1;
    numbers.set(pair, number);
    const envelopes = Array.from({ length: batch }, () => ({
      frame: FRAME,
      dedupe: withId ? { id: `id-${serial++}`, digest: DIGEST } : null,
    }));
    // Pairs may be hit twice at once here; the fence then answers stale, which costs less and must not be counted.
    const heldAtMs = performance.now();
    const outcomes = await engine.deliver({
      sender,
      recipient,
      epoch: 1e12 + worker,
      number,
      heldAtMs,
      envelopes,
    });
    if (outcomes[0] !== 'stored') throw new Error(`deliver: ${outcomes[0]}`);
  };
}

/** Everything that waits, by pages, and confirmed in steps of `every`. */
async function drain(every: number): Promise<{ read: Figures; confirm: Figures; envelopes: number }> {
  const ids: string[][] = [];
  let envelopes = 0;
  const read = await measure(USERS, async (_, n) => {
    const session = sessions[n];
    if (session === undefined) return;
    const own: string[] = [];
    ids[n] = own;
    for (;;) {
      const page = await engine.read({
        session,
        after: own.at(-1) ?? null,
        maxEnvelopes: 256,
        maxBytes: 262_144,
      });
      if (page.state !== 'held') throw new Error(page.state);
      for (const { id } of page.envelopes) own.push(id);
      if (own.at(-1) === page.last || page.envelopes.length === 0) break;
    }
    envelopes += own.length;
  });
  const steps = ids.flatMap((own, n) =>
    own.filter((_, i) => i % every === every - 1 || i === own.length - 1).map((id) => [n, id] as const),
  );
  // In the order of each mailbox, mailboxes in turn.
  steps.sort(([, a], [, b]) => (a < b ? -1 : 1));
  const confirm = await measure(steps.length, async (_, n) => {
    const [user = 0, id = ''] = steps[n] ?? [];
    const session = sessions[user];
    if (session === undefined) return;
    const state = await engine.confirm(session, id);
    if (state !== 'held') throw new Error(state);
  });
  return { read, confirm, envelopes };
}

process.stdout.write(
  `${'per envelope'.padEnd(48)}${'1/s'.padStart(10)}${'node us'.padStart(10)}${'redis us'.padStart(10)}\n`,
);
await measure(CALLS / 4, delivery(engine, 1, true));
await drain(1);
for (const [batch, withId] of [
  [1, true],
  [1, false],
  [8, true],
] as const) {
  const figures = await measure(CALLS / batch, delivery(engine, batch, withId));
  print(`deliver, batches of ${batch}${withId ? ', with id' : ''}`, figures, batch);
  const every = batch === 8 ? 16 : 1;
  const drained = await drain(every);
  print('read, pages of 256', { ...drained.read, calls: drained.envelopes });
  print(`confirm, every ${every}`, { ...drained.confirm, calls: drained.envelopes });
}

const cursors = await Promise.all(
  sessions.map(async (session) => {
    const page = await engine.read({ session, after: null, maxEnvelopes: 1, maxBytes: 1 });
    return page.state === 'held' ? page.last : null;
  }),
);
print(
  'look into an empty mailbox (the backstop)',
  await measure(CALLS, async (_, n) => {
    const session = sessions[n % USERS];
    if (session === undefined) return;
    const after = cursors[n % USERS] ?? null;
    const page = await engine.read({ session, after, maxEnvelopes: 256, maxBytes: 262_144 });
    if (page.state !== 'held' || page.envelopes.length > 0) throw new Error(`a look found ${page.state}`);
  }),
);

let heard = 0;
const listener: MailboxListener = { onWakeUp: () => heard++, onClaimed() {}, onPoll() {}, onReclaim() {} };
await Promise.all(sessions.map(({ code }) => engine.subscribe(code, listener)));
print('deliver, batches of 1, with id, and hear of it', await measure(CALLS, delivery(engine, 1, true)));
await drain(1);
if (heard < CALLS * 0.99) throw new Error(`only ${heard} wake-ups`);
await store.stop();
