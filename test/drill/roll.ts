import { check } from '../faults/checker/checker.ts';
import { delaysOf, quantile } from '../faults/checker/figures.ts';
import { until } from '../support/until.ts';
import type { Stage } from './stage.ts';

const CALM_MS = 8_000;

/** Of clients; a 426 is the answer to the probe of the front door, and none of these. */
const REFUSED = 'sum(haproxy_frontend_http_responses_total{proxy="clients",code="5xx"})';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export interface Rolled {
  /** All in all, calm before and after included. */
  readonly seconds: number;
  /** For the log of the run. */
  readonly report: Readonly<Record<string, unknown>>;
  readonly refusedByHaproxy: number | undefined;
  readonly verdict: ReturnType<typeof check>;
}

/** Restarts the three nodes one after the other, into this build, while all users write; then lets them catch up. */
export async function roll(
  stage: Stage,
  { people, perSecond }: { readonly people: number; readonly perSecond: number },
): Promise<Rolled> {
  const { crowd, journal, nodes } = stage;
  crowd.write(perSecond);
  const startedMs = performance.now();
  await pause(CALM_MS);
  const restarts: { readonly fromMs: number; readonly drainedMs: number }[] = [];
  for (const node of nodes) {
    const fromMs = performance.now();
    await node.stop();
    restarts.push({ fromMs, drainedMs: performance.now() - fromMs });
    node.become();
    await node.start();
    await pause(CALM_MS);
  }
  const seconds = Math.ceil((performance.now() - startedMs) / 1000);
  const caughtUp = await crowd.catchUp(30_000, () => false);
  const connected = async () => (await stage.query('sum(keyrelay_sockets{state="connected"})'))[0] === people;
  await until(connected, { what: 'Prometheus to see all users connected' });

  const verdict = check(journal, { acceptedMin: (perSecond * seconds) / 2 });
  const first = restarts[0]?.fromMs ?? 0;
  const delays = delaysOf(journal);
  const refusedByHaproxy = (await stage.query(REFUSED))[0];
  const report = {
    seconds,
    ...verdict.counts,
    caughtUp,
    refusedByHaproxy,
    errors: Object.fromEntries(journal.errors),
    closes: Object.fromEntries(journal.closes),
    deliverMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), worst: delays.at(-1) },
    drainMs: restarts.map(({ drainedMs }) => Math.round(drainedMs)),
    reconnectsBySecond: bySecond(
      journal.connections.map(({ openedAtMs }) => openedAtMs).filter((atMs) => atMs >= first),
      first,
    ),
  };
  return { seconds, report, refusedByHaproxy, verdict };
}

/** How many in each second since `fromMs`. */
function bySecond(timesMs: readonly number[], fromMs: number): number[] {
  const counts: number[] = [];
  for (const atMs of timesMs) {
    const second = Math.floor((atMs - fromMs) / 1000);
    while (counts.length <= second) counts.push(0);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  return counts;
}
