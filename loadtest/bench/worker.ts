/** One client process of the bench: its pairs, and their load. */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { obeyOrders } from '../support/workers.ts';
import type { Load, LoadResult, Order, Pairs, Reply } from './load.ts';
import { Pair } from './pair.ts';

const HIGHEST_US = 60_000_000;
/** After the last send: how long what is still on the way may take. */
const SETTLE_MS = 5_000;

let pairs: Pair[] = [];

obeyOrders(async (order: Order): Promise<Reply> => {
  switch (order.do) {
    case 'connect':
      pairs = await connect(order.pairs);
      return { done: 'connect' };
    case 'sign':
      for (const pair of pairs) await pair.sign(Math.ceil(order.envelopes / pairs.length));
      return { done: 'sign' };
    case 'run':
      return { done: 'run', result: await run(order.load) };
  }
});

async function connect(wanted: Pairs): Promise<Pair[]> {
  const opened: Pair[] = [];
  for (let n = 0; n < wanted.count; n += 1) opened.push(await Pair.open(wanted, n));
  return opened;
}

async function run(load: Load): Promise<LoadResult> {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  });
  let sent = 0;
  let received = 0;
  let usedUp = false;
  const endMs = performance.now() + load.seconds * 1000;
  const send = (pair: Pair, dueAtMs: number) => {
    if (pair.send(dueAtMs)) sent += 1;
    else usedUp = true;
  };
  for (const pair of pairs) {
    pair.onReceived = (latencyMs) => {
      received += 1;
      histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(latencyMs * 1000))));
      if (load.mode === 'closed' && performance.now() < endMs) send(pair, performance.now());
    };
  }
  if (load.mode === 'closed') {
    for (const pair of pairs) for (let n = 0; n < load.outstanding; n += 1) send(pair, performance.now());
    await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
  } else {
    await sendOnTime({ load, endMs, send });
  }
  const settleMs = performance.now() + SETTLE_MS;
  while (received < sent && performance.now() < settleMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const errors = pairs.flatMap((pair) => pair.errors.splice(0));
  if (usedUp) errors.unshift('all that was signed was sent before the end: raise SIGNED_PER_S_MAX');
  return { sent, received, errors: errors.slice(0, 5), latencies: encodeIntoCompressedBase64(histogram) };
}

/** Envelope n is due at `n / perSecond`, on the pairs in turn. A late turn of the loop sends all that are due. */
async function sendOnTime(plan: {
  readonly load: Extract<Load, { mode: 'open' }>;
  readonly endMs: number;
  readonly send: (pair: Pair, dueAtMs: number) => void;
}): Promise<void> {
  const { load, endMs, send } = plan;
  const intervalMs = 1000 / load.perSecond;
  let dueAtMs = performance.now();
  let turn = 0;
  while (dueAtMs < endMs) {
    const now = performance.now();
    while (dueAtMs <= now && dueAtMs < endMs) {
      const pair = pairs[turn % pairs.length];
      if (pair !== undefined) send(pair, dueAtMs);
      turn += 1;
      dueAtMs += intervalMs;
    }
    // Timers have a grain of 1 ms, which latency counts from the due time; a busy loop would take the relay's core.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
