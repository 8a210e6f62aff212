import { startHaproxy } from '../../../support/services/haproxy.ts';
import type { Rig } from '../../harness/rig.ts';
import type { Scenario } from '../../harness/trial.ts';

/** They leave it to the relay to end connections: one that they cut themselves on a busy machine would be a 1006, too. */
const PATIENT = { silenceMs: 60_000, loginMs: 60_000 };

interface SessionEnd {
  readonly close: number;
  readonly reason: string;
}

/** The sessions that a node has ended, as its log says. */
function endsIn(output: string): readonly SessionEnd[] {
  const lines = output.split('\n').filter((line) => line.includes('"msg":"session ended"'));
  return lines.map((line) => JSON.parse(line) as SessionEnd);
}

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  row: 18,
  what: 'all nodes restarted one after the other under load, behind HAProxy',
  async run(trial) {
    const settings = { RELAY_DRAIN_MS: '2000', RELAY_TRUSTED_PROXIES: '127.0.0.1' };
    const rig = await trial.rig({ nodes: 3, store: 'redis', settings });
    const [one, two, three] = rig.nodes;
    if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes');
    const haproxy = await startHaproxy({ port: 0, nodes: [one, two, three] });
    try {
      const dial = () => `ws://127.0.0.1:${haproxy.port}/ws`;
      const crowd = await trial.crowd({ count: 60, dial, client: PATIENT });
      await trial.warmUp(crowd, 300);
      const drains: number[] = [];
      const ended: SessionEnd[] = [];
      for (let round = 0; round < (trial.short ? 1 : 5); round += 1) {
        for (const node of rig.nodes) {
          trial.mark(`${node.id} is drained`);
          const drainedFromMs = performance.now();
          await node.stop();
          drains.push(performance.now() - drainedFromMs);
          ended.push(...endsIn(node.output));
          await node.start();
          trial.mark(`${node.id} is back`);
          await trial.sleep(2_000);
        }
      }
      trial.atMost('each drain', Math.max(...drains), 30_000);
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      const errors = [...trial.journal.errors.values()].reduce((a, b) => a + b, 0);
      trial.atMost('refused', (errors * 100) / trial.journal.sent.length, 0.1, '%');
      const others = ended.filter(({ close, reason }) => close !== 1012 || reason !== 'restarting');
      trial.rule(
        'nodes ended every session with a 1012',
        ended.length >= crowd.clients.length && others.length === 0,
        `${ended.length} sessions; others: ${others.map(({ close, reason }) => `${close} ${reason}`).join(', ') || 'none'}`,
      );
      // A client that writes into a connection that HAProxy has closed hears of that before it reads the 1012.
      const closes = [...trial.journal.closes].filter(([code]) => ![1000, 1006, 1012].includes(code));
      trial.rule(
        'clients saw no other close',
        closes.length === 0,
        closes.map(([code, n]) => `${n} × ${code}`).join(', ') || 'none',
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

export const reconnectStorm: Scenario = {
  name: 'reconnect-storm',
  row: 19,
  what: '10,000 clients dropped at once',
  alone: true,
  async run(trial) {
    const count = trial.short ? 1_500 : 10_000;
    const rig = await trial.rig({ nodes: 3, store: 'redis' });
    const commandsBeforeLogins = await commandsOf(rig);
    const crowd = await trial.crowd({ count, client: { backoffMsMax: 10_000, silenceMs: 30_000 } });
    const perLogin = (await commandsOf(rig)) - commandsBeforeLogins;
    await trial.warmUp(crowd, 200);
    trial.mark(`${count} connections are cut`);
    const openedBefore = trial.journal.connections.length;
    crowd.rest();
    const commandsBefore = await commandsOf(rig);
    for (const client of crowd.clients) client.cut();
    const cutAtMs = performance.now();
    await trial.until(() => crowd.connected < count / 2, 5_000);
    const back = await trial.until(() => crowd.connected === count, 90_000);
    trial.atMost('all back after', back ? performance.now() - cutAtMs : Number.POSITIVE_INFINITY, 60_000);
    const commands = (await commandsOf(rig)) - commandsBefore;
    // The first connects included registrations: a return may not cost more than that.
    trial.rule(
      'a return costs no more than a first login',
      commands <= perLogin * 1.5,
      `${commands} commands of Redis, ${perLogin} for the first`,
    );
    const opened = trial.journal.connections.length - openedBefore;
    trial.rule('no restart loop', opened <= count * 1.2, `${opened} connections for ${count} clients`);
    crowd.write(300);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
