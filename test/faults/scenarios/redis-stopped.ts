import type { Bench, Scenario } from '../bench.ts';

/** Redis answers nothing for a while: its connections stand. */
export const redisStopped: Scenario = {
  name: 'redis-stopped',
  row: 9,
  what: 'Redis stopped (SIGSTOP) for 5, 30 and 60 s',
  alone: true,
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 250);
    const connectionsBefore = bench.journal.connections.length;
    for (const seconds of bench.short ? [5, 12] : [5, 30, 60]) {
      bench.mark(`Redis is stopped for ${seconds} s`);
      rig.redis.pause();
      await bench.sleep(seconds * 1_000 - 1_500);
      for (const node of rig.nodes) {
        const { status, reason } = await node.ready();
        bench.rule(
          `${node.name} says that it is not ready`,
          status === 503 && /redis|127\.0\.0\.1/i.test(reason),
          reason,
        );
      }
      const lags = await Promise.all(
        rig.nodes.map((node) => node.metric('nodejs_eventloop_lag_p99_seconds')),
      );
      bench.atMost('event-loop lag p99', Math.max(...lags) * 1_000, 200);
      await bench.sleep(1_500);
      bench.mark('Redis goes on');
      rig.redis.resume();
      await normalAgain(bench, 5_000);
      await bench.sleep(1_000);
    }
    const told = bench.journal.unavailableMs;
    bench.rule('senders were told', told.length > 0, `${told.length} times unavailable`);
    bench.atMost('told unavailable after', Math.max(...told, 0), 2_000);
    const opened = bench.journal.connections.length - connectionsBefore;
    bench.rule('sockets stayed', opened === 0, `${opened} new connections`);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};

/** Within the bound, what is accepted from now on arrives within a second again. */
export async function normalAgain(bench: Bench, boundMs: number): Promise<void> {
  const startedMs = performance.now();
  const { journal } = bench;
  const acceptedBefore = journal.accepted;
  const normal = await bench.until(
    () => journal.accepted >= acceptedBefore + 50 && journal.missing < 20,
    boundMs * 3,
  );
  bench.atMost(
    'normal again after',
    normal ? performance.now() - startedMs : Number.POSITIVE_INFINITY,
    boundMs,
  );
}
