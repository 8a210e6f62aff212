import type { Scenario } from '../../harness/trial.ts';
import { plan, rage } from '../../injectors/nemesis.ts';
import { POLLED_HEAL_MS } from '../redis/silent-subscription.ts';

const NODES = 3;

export const everything: Scenario = {
  name: 'everything',
  row: 25,
  what: 'all of these at random, every 5-10 s, 1 h, 1,000,000 envelopes',
  async run(trial) {
    const lastsMs = (trial.minutes ?? (trial.short ? 1 : 60)) * 60_000;
    if (!trial.short && trial.minutes === null) trial.acceptedMin = 1_000_000;
    const rig = await trial.rig({
      nodes: NODES,
      store: 'redis',
      proxied: true,
      redisConf: { appendfsync: 'always' },
      settings: { RELAY_DRAIN_MS: '1000' },
    });
    const crowd = await trial.crowd({ count: 60, client: { silenceMs: 4_000 } });
    await trial.warmUp(crowd, 330);
    await rage(plan(trial.random.fork('nemesis'), { lastsMs, nodes: NODES }), { trial, rig, crowd });
    await trial.untilAccepted(trial.acceptedMin, 600_000);
    // The last fault may have swallowed the last wake-up of a mailbox, which is polled then.
    await trial.heal(POLLED_HEAL_MS);
  },
};
