import { Crowd } from '../../clients/crowd.ts';
import { ROOMY_MAILBOXES } from '../../harness/rig.ts';
import type { Scenario } from '../../harness/trial.ts';
import { TcpProxy } from '../../injectors/proxy.ts';

/** The relay's default, which a megabyte of these envelopes does not fill. */
const WINDOW_ENVELOPES = 256;

export const slowReader: Scenario = {
  name: 'slow-reader',
  row: 12,
  what: 'one recipient reads nothing, one 1 KB/s, with 10,000 waiting for each',
  alone: true,
  async run(trial) {
    const waiting = trial.short ? 1_500 : 10_000;
    const rig = await trial.rig({ nodes: 1, store: 'redis', settings: ROOMY_MAILBOXES });
    const node = rig.node(0);
    const proxy = await TcpProxy.start({ port: node.port });
    try {
      const crowd = await trial.crowd({ count: 30 });
      await trial.warmUp(crowd, 150);
      await trial.sleep(3_000);
      const calm = trial.delay(0.99);
      const { journal, random } = trial;
      const slow = await Crowd.gather({
        count: 2,
        http: node.http,
        dial: () => `ws://127.0.0.1:${proxy.port}/ws`,
        journal,
        random: random.fork('slow'),
        protocol2Share: 0.5,
        client: { silenceMs: 600_000 },
      });
      const [still, dripping] = slow.clients;
      if (still === undefined || dripping === undefined) throw new Error('two slow clients');
      await slow.connect();
      trial.mark('one client stops reading, one reads 1 KB/s');
      proxy.add({ kind: 'bandwidth', bytesPerSecond: 1_024 }, 'down');
      still.socket?.pause();
      const pushed = () => node.metric('keyrelay_envelopes_pushed_total');
      const slowCodes = new Set(slow.clients.map(({ user }) => user.code));
      const arrivedElsewhere = () =>
        journal.arrivals.filter(({ receiver }) => !slowCodes.has(receiver)).length;
      const before = (await pushed()) - arrivedElsewhere();
      for (let sent = 0; sent < waiting; sent += 1) {
        for (const { user } of [still, dripping]) {
          const sender = crowd.clients[sent % crowd.clients.length];
          sender?.send(user.code, 1_000);
        }
        if (sent % 20 === 0) await trial.sleep(25);
      }
      await trial.until(() => crowd.clients.every(({ sendQueue }) => sendQueue.queued < 10), 60_000);
      crowd.rest();
      await trial.until(
        () => journal.sent.every(({ recipient, arrived }) => arrived || slowCodes.has(recipient)),
        5_000,
      );
      const toSlow = (await pushed()) - arrivedElsewhere() - before;
      // What one of them reads at 1 KB/s it also confirms.
      trial.atMost('pushed to two clients that do not read', toSlow, 2 * WINDOW_ENVELOPES + 40, 'envelopes');
      const slowed = trial.delay(0.99, ({ recipient }) => !slowCodes.has(recipient));
      trial.atMost(`p99 of the others (before: ${calm.toFixed(1)} ms)`, slowed, Math.round(calm * 1.2 + 20));
      crowd.write(150);
      trial.mark('both read again');
      proxy.heal();
      still.socket?.resume();
      for (const client of slow.clients) client.cut();
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      slow.leave();
    } finally {
      await proxy.stop();
    }
  },
};
