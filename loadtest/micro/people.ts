/**
 * What it costs to deliver to users who block others, or hear only those whom they know: CPU of Redis for one call, in
 * turns with users who do neither.
 *
 *   node loadtest/run.mjs micro/people.ts [rounds]
 *
 * Starts its own Redis.
 */
import type { SessionKey } from '../../src/engine/engine.ts';
import { median } from '../support/median.ts';
import { startBenchStore } from './store.ts';

const ROUNDS = Number(process.argv[2] ?? 20);
const USERS = 10;
const BLOCKS = 10_000;
const CALLS = 4_000;
const AT_ONCE = 40;
const FRAME = Buffer.alloc(400, 'a');
const SENDER = 'SENDER0';

const store = await startBenchStore({ maxBlocks: BLOCKS });
const { engine } = store;

const kinds = [
  { name: 'neither', prepare: async () => {} },
  {
    name: `blocks ${BLOCKS} others`,
    prepare: async (session: SessionKey) => {
      for (let n = 0; n < BLOCKS; n += 100) {
        const codes = Array.from({ length: 100 }, (_, i) => `B${String(n + i).padStart(6, '0')}`);
        await Promise.all(codes.map((code) => engine.people.block(session, code)));
      }
    },
  },
  {
    name: 'hears only known people, the sender among them',
    prepare: async (session: SessionKey) => void (await engine.people.setPolicy(session, 'known', [SENDER])),
  },
].map((kind) => ({ ...kind, sessions: [] as SessionKey[], redisUs: [] as number[] }));

let number = 0;
try {
  for (const { sessions, prepare } of kinds) {
    for (let n = 0; n < USERS; n += 1) {
      const session = await store.newSession(2);
      await prepare(session);
      sessions.push(session);
    }
  }
  // The first round is a warm-up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { sessions, redisUs } of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const before = await store.redisCpuUs();
      await deliver(sessions);
      if (round > 0) redisUs.push(((await store.redisCpuUs()) - before) / CALLS);
      await empty(sessions);
    }
  }
  const [neither] = kinds;
  console.table(
    kinds.map(({ name, redisUs }) => ({
      recipient: name,
      'Redis, µs': Number(median(redisUs).toFixed(1)),
      'against neither': Number(
        median(redisUs.map((us, round) => us / (neither?.redisUs[round] ?? us))).toFixed(3),
      ),
    })),
  );
} finally {
  await store.stop();
}

async function deliver(sessions: readonly SessionKey[]): Promise<void> {
  for (let made = 0; made < CALLS; made += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, (_, n) => {
      number += 1;
      return engine.deliver({
        sender: SENDER,
        recipient: sessions[n % sessions.length]?.code ?? '',
        epoch: 1e12,
        number,
        heldAtMs: performance.now(),
        envelopes: [{ frame: FRAME, dedupe: null, request: false }],
      });
    });
    for (const [outcome] of await Promise.all(calls))
      if (outcome !== 'stored') throw new Error(`deliver: ${outcome}`);
  }
}

async function empty(sessions: readonly SessionKey[]): Promise<void> {
  for (const session of sessions) {
    const page = await engine.read({ session, after: null, maxEnvelopes: 1, maxBytes: 1 });
    if (page.state !== 'held') throw new Error(page.state);
    await engine.confirm(session, page.last);
  }
}
