import { startHaproxy } from '../../../src/cli/dev/servers.ts';
import type { Scenario } from '../bench.ts';
import type { Rig } from '../rig.ts';

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  row: 18,
  what: 'all nodes restarted one after the other under load, behind HAProxy',
  async run(bench) {
    const settings = { RELAY_DRAIN_MS: '2000', RELAY_TRUSTED_PROXIES: '127.0.0.1' };
    const rig = await bench.rig({ nodes: 3, store: 'redis', settings });
    const [one, two, three] = rig.nodes;
    if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes');
    const haproxy = await startHaproxy({ port: 0, nodes: [one, two, three] });
    try {
      const crowd = await bench.crowd({ count: 60, dial: () => `ws://127.0.0.1:${haproxy.port}/ws` });
      await bench.warmUp(crowd, 300);
      const drains: number[] = [];
      for (let round = 0; round < (bench.short ? 1 : 5); round += 1) {
        for (const node of rig.nodes) {
          bench.mark(`${node.name} is drained`);
          drains.push(await node.drain());
          await node.start();
          bench.mark(`${node.name} is back`);
          await bench.sleep(2_000);
        }
      }
      bench.atMost('each drain', Math.max(...drains), 30_000);
      await bench.untilAccepted(bench.acceptedMin, 60_000);
      await bench.heal();
      const errors = [...bench.journal.errors.values()].reduce((a, b) => a + b, 0);
      bench.atMost('refused', (errors * 100) / bench.journal.sent.length, 0.1, '%');
      const closes = [...bench.journal.closes].filter(([code]) => ![1000, 1012].includes(code));
      bench.rule(
        'every close was a 1012',
        closes.length === 0,
        closes.map(([code, n]) => `${n} × ${code}`).join(', ') || '1012 only',
      );
    } finally {
      await haproxy.child.stop();
    }
  },
};

async function commandsOf(rig: Rig): Promise<number> {
  const info = String(await rig.redis.call('INFO', 'stats'));
  return Number(/total_commands_processed:(\d+)/.exec(info)?.[1] ?? 0);
}

export const stampede: Scenario = {
  name: 'stampede',
  row: 19,
  what: '10,000 clients dropped at once',
  alone: true,
  async run(bench) {
    const count = bench.short ? 1_500 : 10_000;
    const rig = await bench.rig({ nodes: 3, store: 'redis' });
    const commandsBeforeLogins = await commandsOf(rig);
    const crowd = await bench.crowd({ count, client: { backoffMsMax: 10_000, silenceMs: 30_000 } });
    const perLogin = (await commandsOf(rig)) - commandsBeforeLogins;
    await bench.warmUp(crowd, 200);
    bench.mark(`${count} connections are cut`);
    const openedBefore = bench.journal.connections.length;
    crowd.rest();
    const commandsBefore = await commandsOf(rig);
    for (const client of crowd.clients) client.cut();
    const cutAtMs = performance.now();
    await bench.until(() => crowd.connected < count / 2, 5_000);
    const back = await bench.until(() => crowd.connected === count, 90_000);
    bench.atMost('all back after', back ? performance.now() - cutAtMs : Number.POSITIVE_INFINITY, 60_000);
    const commands = (await commandsOf(rig)) - commandsBefore;
    // The first connects also registered everybody: a return may not cost more than that.
    bench.rule(
      'a return costs no more than a first login',
      commands <= perLogin * 1.5,
      `${commands} commands of Redis, ${perLogin} for the first`,
    );
    const opened = bench.journal.connections.length - openedBefore;
    bench.rule('no restart loop', opened <= count * 1.2, `${opened} connections for ${count} clients`);
    crowd.write(300);
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
