import type { Bench, Scenario } from '../bench.ts';
import type { RigNode } from '../nodes.ts';

/** How long until `/readyz` says that the node is not ready, ms. */
export async function untilNotReady(bench: Bench, node: RigNode, timeoutMs: number): Promise<number> {
  const startedMs = performance.now();
  const told = await bench.until(async () => (await node.ready()).status === 503, timeoutMs);
  return told ? performance.now() - startedMs : Number.POSITIVE_INFINITY;
}

/** A probe every 2 s that may take 1.5 s. */
export const TWO_PROBES_MS = 2 * 2_000 + 1_500;

export const deaf: Scenario = {
  name: 'deaf',
  row: 3,
  what: 'publish/subscribe alone is deaf: connections stand, messages are swallowed',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 200);
    bench.mark('messages to node-1 are swallowed');
    rig.proxy(0).add({ kind: 'deaf', channel: () => true }, 'down');
    const noticedMs = await untilNotReady(bench, rig.node(0), 15_000);
    bench.atMost('not ready within two probes', noticedMs, TWO_PROBES_MS);
    await bench.sleep(bench.short ? 10_000 : 60_000);
    bench.mark('messages to node-2 too');
    rig.proxy(1).add({ kind: 'deaf', channel: () => true }, 'down');
    await bench.sleep(bench.short ? 10_000 : 60_000);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    // While nothing is heard, the polled reads alone must bring everything.
    crowd.rest();
    const polled = await bench.until(() => bench.journal.missing === 0, 10_000);
    bench.rule('polled reads alone bring everything', polled, `${bench.journal.missing} missing`);
    for (const proxy of rig.proxies) proxy.heal();
    await bench.heal();
    bench.atMost('every envelope arrived after', bench.delay(1), 10_000);
    for (const node of rig.nodes) await node.untilReady();
  },
};

export const deafNowAndThen: Scenario = {
  name: 'deaf-now-and-then',
  row: 3,
  what: 'now and then some messages are swallowed, and those behind them come',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await bench.crowd({ count: 20 });
    await bench.warmUp(crowd, 300);
    bench.mark('every fifth message is swallowed, in bursts');
    const { random } = bench;
    const endMs = performance.now() + (bench.short ? 5_000 : 60_000);
    while (performance.now() < endMs) {
      for (const proxy of rig.proxies)
        proxy.add({ kind: 'deaf', channel: () => random.next() < 0.2 }, 'down');
      await bench.sleep(random.integer(50, 300));
      for (const proxy of rig.proxies) proxy.heal();
      await bench.sleep(random.integer(50, 300));
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};

export const deafChannel: Scenario = {
  name: 'deaf-channel',
  row: 3,
  what: 'the channels of three users alone are deaf: no probe can notice',
  async run(bench) {
    const rig = await bench.rig({ nodes: 1, store: 'redis', proxied: true });
    const crowd = await bench.crowd({ count: 30 });
    await bench.warmUp(crowd, 100);
    const victims = crowd.clients.slice(0, 3).map(({ user }) => user.code);
    bench.mark(`the channels of ${victims.join(', ')} are swallowed`);
    const swallowed = new Set(victims.map((code) => `inbox:{${code}}`));
    rig.proxy(0).add({ kind: 'deaf', channel: (name) => swallowed.has(name) }, 'down');
    // One look interval and a little: each victim waits for its look at least once.
    await bench.sleep(bench.short ? 42_000 : 120_000);
    const { status } = await rig.node(0).ready();
    bench.rule('the node stays ready', status === 200, `${status}`);
    const found = await rig.node(0).metric('keyrelay_lost_wake_ups_total');
    bench.rule('looks found what no wake-up had told', found > 0, `${found}`);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    rig.proxy(0).heal();
    await bench.heal(45_000);
    bench.atMost('every envelope arrived after', bench.delay(1), 40_000);
  },
};
