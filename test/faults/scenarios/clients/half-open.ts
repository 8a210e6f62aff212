import { Crowd } from '../../clients/crowd.ts';
import type { Scenario } from '../../harness/trial.ts';
import { TcpProxy } from '../../injectors/proxy.ts';

export const halfOpen: Scenario = {
  name: 'half-open',
  row: 14,
  what: 'half-open sockets: packets vanish, no FIN',
  async run(trial) {
    // The defaults of the relay, with which a dead connection is noticed after 35 s; the short form is faster.
    const [pingMs, pongMs, boundMs] = trial.short ? [2_000, 4_000, 8_000] : [15_000, 18_000, 35_000];
    const settings = { RELAY_PING_INTERVAL_MS: `${pingMs}`, RELAY_PONG_TIMEOUT_MS: `${pongMs}` };
    const rig = await trial.rig({ nodes: 2, store: 'redis', settings });
    const proxy = await TcpProxy.start({ port: rig.node(0).port });
    try {
      const crowd = await trial.crowd({ count: 30, client: { silenceMs: pingMs * 2 + 3_000 } });
      await trial.warmUp(crowd, 150);
      const { journal, random } = trial;
      let dialled = proxy.port;
      const halves = await Crowd.gather({
        count: 10,
        http: rig.node(0).http,
        dial: () => `ws://127.0.0.1:${dialled}/ws`,
        journal,
        random: random.fork('halves'),
        client: { silenceMs: 600_000, backoffMsMax: 100 },
      });
      await halves.connect();
      const codes = new Set(halves.clients.map(({ user }) => user.code));
      const sendToHalves = () => {
        for (const [index, { user }] of halves.clients.entries()) crowd.clients[index]?.send(user.code, 100);
      };
      const lost = () => rig.node(0).metric('keyrelay_sessions_closed_total', 'reason="goingAway"');
      for (const busy of [false, true]) {
        const how = busy ? 'while they are written to' : 'while they are quiet';
        sendToHalves();
        await trial.sleep(1_000);
        trial.mark(`ten connections are half-open, ${how}`);
        proxy.add({ kind: 'blackhole' }, 'up', 'down');
        const lostBefore = await lost();
        const atMs = performance.now();
        const noticed = await trial.until(async () => {
          if (busy) sendToHalves();
          await trial.sleep(200);
          return (await lost()) - lostBefore >= halves.clients.length;
        }, boundMs * 2);
        const tookMs = performance.now() - atMs;
        trial.atMost(`all ten noticed ${how} after`, noticed ? tookMs : Number.POSITIVE_INFINITY, boundMs);
        if (!busy) sendToHalves();
        await trial.sleep(500);
        trial.mark('they come back by another way');
        dialled = rig.node(1).port;
        const backAtMs = performance.now();
        for (const client of halves.clients) client.cut();
        const delivered = await trial.until(
          () =>
            journal.sent.every(({ recipient, outcome, arrived }) => {
              return !codes.has(recipient) || outcome !== 'accepted' || arrived;
            }),
          5_000,
        );
        trial.atMost(
          'what waited was delivered after',
          delivered ? performance.now() - backAtMs : Number.POSITIVE_INFINITY,
          1_000,
        );
        proxy.reset();
        proxy.heal();
        dialled = proxy.port;
        // A connection that was just cut may still count as one.
        const cut = new Set(halves.clients.map(({ connection }) => connection));
        for (const client of halves.clients) client.cut();
        await trial.until(
          () => halves.clients.every(({ connected, connection }) => connected && !cut.has(connection)),
          5_000,
        );
      }
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      halves.leave();
    } finally {
      await proxy.stop();
    }
  },
};
