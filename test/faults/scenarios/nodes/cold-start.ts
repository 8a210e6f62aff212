import { startHaproxy } from '../../../support/services/haproxy.ts';
import type { Scenario } from '../../harness/trial.ts';

const UP_WITHIN_MS = 10_000;

export const coldStart: Scenario = {
  name: 'cold-start',
  row: 35,
  what: 'after a power cut nodes and load balancer start first, Redis last, up to 60 s late',
  alone: true,
  async run(trial) {
    const settings = { RELAY_TRUSTED_PROXIES: '127.0.0.1' };
    const rig = await trial.rig({ nodes: 3, store: 'redis', settings, startTimeoutMs: 120_000 });
    let haproxy = await startHaproxy({ port: 0, nodes: rig.nodes });
    const { port } = haproxy;
    const kill = async () => {
      haproxy.child.signal('SIGKILL');
      await haproxy.child.exited();
    };
    try {
      const crowd = await trial.crowd({ count: 40, dial: () => `ws://127.0.0.1:${port}/ws` });
      await trial.warmUp(crowd, 250);
      for (const lateMs of trial.short ? [8_000] : [5_000, 20_000, 60_000]) {
        await trial.sleep(2_000);
        trial.mark('everything is killed at once');
        await Promise.all([rig.redis.kill(), kill(), ...rig.nodes.map((node) => node.kill())]);
        const starts = Promise.all(rig.nodes.map((node) => node.start()));
        haproxy = await startHaproxy({ port, nodes: rig.nodes });
        trial.mark(`nodes and HAProxy start, and Redis is ${lateMs / 1_000} s late`);
        await trial.sleep(lateMs);
        await rig.redis.restart();
        const redisUpMs = performance.now();
        trial.mark('Redis is up');
        await starts;
        const late = `(${lateMs / 1_000} s)`;
        trial.atMost(`all nodes ready after Redis ${late}`, performance.now() - redisUpMs, UP_WITHIN_MS);
        await trial.until(() => crowd.connected === crowd.clients.length, 3 * UP_WITHIN_MS);
        trial.atMost(`all clients back after Redis ${late}`, performance.now() - redisUpMs, UP_WITHIN_MS);
      }
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
    } finally {
      await kill();
    }
  },
};
