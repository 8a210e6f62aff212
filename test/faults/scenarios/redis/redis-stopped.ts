import type { Scenario, Trial } from '../../harness/trial.ts';

/** Redis answers nothing for a while: its connections stand. */
export const redisStopped: Scenario = {
  name: 'redis-stopped',
  row: 9,
  what: 'Redis stopped (SIGSTOP) for 5, 30 and 60 s',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const connectionsBefore = trial.journal.connections.length;
    for (const seconds of trial.short ? [5, 12] : [5, 30, 60]) {
      trial.mark(`Redis is stopped for ${seconds} s`);
      rig.redis.pause();
      await trial.sleep(seconds * 1_000 - 1_500);
      for (const node of rig.nodes) {
        const { status, reason } = await node.ready();
        trial.rule(
          `${node.id} says that it is not ready`,
          status === 503 && /redis|127\.0\.0\.1/i.test(reason),
          reason,
        );
      }
      const lags = await Promise.all(
        rig.nodes.map((node) => node.metric('nodejs_eventloop_lag_p99_seconds')),
      );
      trial.atMost('event-loop lag p99', Math.max(...lags) * 1_000, 200);
      await trial.sleep(1_500);
      trial.mark('Redis goes on');
      rig.redis.resume();
      await normalAgain(trial, 5_000);
      await trial.sleep(1_000);
    }
    const answersMs = trial.journal.unavailableMs;
    trial.rule('senders get unavailable', answersMs.length > 0, `${answersMs.length} times`);
    trial.atMost('unavailable after', Math.max(...answersMs, 0), 2_000);
    const opened = trial.journal.connections.length - connectionsBefore;
    trial.rule('sockets stayed', opened === 0, `${opened} new connections`);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

/** Within the bound, what is accepted from now on arrives within a second again. */
export async function normalAgain(trial: Trial, boundMs: number): Promise<void> {
  const startedMs = performance.now();
  const { journal } = trial;
  const acceptedBefore = journal.accepted;
  const normal = await trial.until(
    () => journal.accepted >= acceptedBefore + 50 && journal.missing < 20,
    boundMs * 3,
  );
  trial.atMost(
    'normal again after',
    normal ? performance.now() - startedMs : Number.POSITIVE_INFINITY,
    boundMs,
  );
}
