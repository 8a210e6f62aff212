import type { RelayNode } from '../../../support/servers/relay-node.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';

/** How long until `/readyz` says that the node is not ready, ms. */
export async function untilNotReady(trial: Trial, node: RelayNode, timeoutMs: number): Promise<number> {
  const startedMs = performance.now();
  const noticed = await trial.until(async () => (await node.ready()).status === 503, timeoutMs);
  return noticed ? performance.now() - startedMs : Number.POSITIVE_INFINITY;
}

/** The longest that an envelope waits whose wake-up alone was lost. */
const POLLED_MS = 40_000;
/** Until everybody has caught up where it was the last one. */
export const POLLED_HEAL_MS = POLLED_MS + 5_000;
/** A probe every 2 s that may take 1.5 s. */
export const TWO_PROBES_MS = 2 * 2_000 + 1_500;

export const silentSubscription: Scenario = {
  name: 'silent-subscription',
  row: 3,
  what: 'publish/subscribe alone is silent: connections stay up, messages are swallowed',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 200);
    trial.mark('messages to node-1 are swallowed');
    rig.proxy(0).add({ kind: 'silence', channel: () => true }, 'down');
    const noticedMs = await untilNotReady(trial, rig.node(0), 15_000);
    trial.atMost('not ready within two probes', noticedMs, TWO_PROBES_MS);
    await trial.sleep(trial.short ? 10_000 : 60_000);
    trial.mark('messages to node-2 too');
    rig.proxy(1).add({ kind: 'silence', channel: () => true }, 'down');
    await trial.sleep(trial.short ? 10_000 : 60_000);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    // While nothing is heard, the polled reads alone must bring everything.
    crowd.rest();
    const polled = await trial.until(() => trial.journal.missing === 0, 10_000);
    trial.rule('polled reads alone bring everything', polled, `${trial.journal.missing} missing`);
    for (const proxy of rig.proxies) proxy.heal();
    await trial.heal();
    trial.atMost('every envelope arrived after', trial.delay(1), 10_000);
    for (const node of rig.nodes) await node.untilReady();
  },
};

export const lostWakeUps: Scenario = {
  name: 'lost-wake-ups',
  row: 3,
  what: 'now and then some messages are swallowed, and those behind them come',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 20 });
    await trial.warmUp(crowd, 300);
    trial.mark('every fifth message is swallowed, in bursts');
    const { random } = trial;
    const endMs = performance.now() + (trial.short ? 5_000 : 60_000);
    while (performance.now() < endMs) {
      for (const proxy of rig.proxies)
        proxy.add({ kind: 'silence', channel: () => random.next() < 0.2 }, 'down');
      await trial.sleep(random.integer(50, 300));
      for (const proxy of rig.proxies) proxy.heal();
      await trial.sleep(random.integer(50, 300));
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    // A client whose last message was swallowed hears of it by its poll.
    await trial.heal(POLLED_HEAL_MS);
    trial.atMost('every envelope arrived after', trial.delay(1), POLLED_MS);
  },
};

export const silentChannel: Scenario = {
  name: 'silent-channel',
  row: 3,
  what: 'the channels of three users alone are silent: no probe can notice',
  async run(trial) {
    const rig = await trial.rig({ nodes: 1, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 30 });
    await trial.warmUp(crowd, 100);
    const victims = crowd.clients.slice(0, 3).map(({ user }) => user.code);
    trial.mark(`the channels of ${victims.join(', ')} are swallowed`);
    const swallowed = new Set(victims.map((code) => `inbox:{${code}}`));
    rig.proxy(0).add({ kind: 'silence', channel: (name) => swallowed.has(name) }, 'down');
    // One poll interval and a little: each victim waits for its poll at least once.
    await trial.sleep(trial.short ? 42_000 : 120_000);
    const { status } = await rig.node(0).ready();
    trial.rule('the node stays ready', status === 200, `${status}`);
    const found = await rig.node(0).metric('keyrelay_lost_wake_ups_total');
    trial.rule('polls found envelopes whose wake-up was lost', found > 0, `${found}`);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    rig.proxy(0).heal();
    await trial.heal(POLLED_HEAL_MS);
    trial.atMost('every envelope arrived after', trial.delay(1), POLLED_MS);
  },
};
