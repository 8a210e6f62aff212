import type { EngineObserver } from '../../engine/observer.ts';
import type { Logger } from '../../ops/log/log.ts';
import type { Metrics } from '../../ops/metrics/metrics.ts';

/** Reports the events of the engine to log and metrics. */
export function observeEngine({ log, metrics }: { log: Logger; metrics: Metrics }): EngineObserver {
  return {
    log: (level, event, fields) => log[level](event, fields),
    answered: (verb, durationMs) => metrics.redisSeconds.of(verb).observe(durationMs / 1000),
    failed: (verb) => metrics.redisErrors.of(verb).add(),
    probed: (_shard, roundTripMs) => metrics.probeSeconds.observe(roundTripMs / 1000),
    probeLost: () => metrics.probesLost.add(),
    subscriptions: (count) => metrics.subscriptions.set(count),
    waiting: (mailboxes, envelopes) => {
      metrics.mailboxesWaiting.set(mailboxes);
      metrics.envelopesWaiting.set(envelopes);
    },
    liveNodes: (count) => metrics.liveNodes.set(count),
    idsForgotten: () => metrics.idsForgotten.add(),
    unexpectedMessage: () => metrics.unexpectedMessages.add(),
  };
}
