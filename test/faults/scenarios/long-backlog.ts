import type { Scenario } from '../bench.ts';

export const longBacklog: Scenario = {
  name: 'long-backlog',
  row: 15,
  what: '10,000 waiting are drained while 100/s arrive',
  async run(bench) {
    const waiting = bench.short ? 2_000 : 10_000;
    const settings = { RELAY_MAILBOX_ENVELOPES: '50000', RELAY_MAILBOX_BYTES: '100000000' };
    await bench.rig({ nodes: 2, store: 'redis', settings });
    // Protocol 2 says `drained`.
    const crowd = await bench.crowd({ count: 12, protocol2Share: 1 });
    await bench.warmUp(crowd, 100);
    const [bob, ...senders] = crowd.clients;
    if (bob === undefined) throw new Error('a crowd has clients');
    bob.stop();
    await bench.until(() => !bob.connected, 5_000);
    bench.mark(`${waiting} envelopes wait for one who is away`);
    const acceptedBefore = bench.journal.accepted;
    for (let sent = 0; sent < waiting; sent += 1) {
      senders[sent % senders.length]?.send(bob.user.code, 200);
      if (sent % 100 === 0) await bench.sleep(20);
    }
    await bench.untilAccepted(acceptedBefore + waiting, 60_000);
    crowd.rest();
    await bench.until(() => senders.every(({ mailout }) => mailout.open === 0), 10_000);
    const stored = bench.journal.sent.filter(
      ({ recipient, arrived }) => recipient === bob.user.code && !arrived,
    ).length;
    let arrived = 0;
    let arrivedAtDrained: number | null = null;
    bob.onArrival = () => {
      arrived += 1;
    };
    bob.onWord = ({ type }) => {
      if (type === 'drained') arrivedAtDrained = arrived;
    };
    bench.mark('he is back, and 100 a second more come in');
    const writer = setInterval(() => bench.random.pick(senders).send(bob.user.code, 200), 10);
    bob.start();
    await bench.until(() => arrivedAtDrained !== null, 30_000);
    await bench.sleep(2_000);
    clearInterval(writer);
    bench.rule(
      'drained comes after the last that waited',
      (arrivedAtDrained ?? 0) >= stored,
      `${arrivedAtDrained} of ${stored}`,
    );
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
