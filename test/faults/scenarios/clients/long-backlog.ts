import { ROOMY_MAILBOXES } from '../../harness/rig.ts';
import type { Scenario } from '../../harness/trial.ts';

export const longBacklog: Scenario = {
  name: 'long-backlog',
  row: 15,
  what: '10,000 waiting are drained while 100/s arrive',
  async run(trial) {
    const waiting = trial.short ? 2_000 : 10_000;
    await trial.rig({ nodes: 2, store: 'redis', settings: ROOMY_MAILBOXES });
    // Protocol 2 says `drained`.
    const crowd = await trial.crowd({ count: 12, protocol2Share: 1 });
    await trial.warmUp(crowd, 100);
    const [bob, ...senders] = crowd.clients;
    if (bob === undefined) throw new Error('a crowd has clients');
    bob.stop();
    await trial.until(() => !bob.connected, 5_000);
    trial.mark(`${waiting} envelopes wait for an absent user`);
    const acceptedBefore = trial.journal.accepted;
    for (let sent = 0; sent < waiting; sent += 1) {
      senders[sent % senders.length]?.send(bob.user.code, 200);
      if (sent % 100 === 0) await trial.sleep(20);
    }
    await trial.untilAccepted(acceptedBefore + waiting, 60_000);
    crowd.rest();
    await trial.until(() => senders.every(({ sendQueue }) => sendQueue.open === 0), 10_000);
    const stored = trial.journal.sent.filter(
      ({ recipient, outcome, arrived }) => recipient === bob.user.code && outcome === 'accepted' && !arrived,
    ).length;
    let arrived = 0;
    let arrivedAtDrained: number | null = null;
    bob.onArrival = () => {
      arrived += 1;
    };
    bob.onServerMessage = ({ type }) => {
      if (type === 'drained') arrivedAtDrained = arrived;
    };
    trial.mark('he is back, and 100 a second more come in');
    const writer = setInterval(() => trial.random.pick(senders).send(bob.user.code, 200), 10);
    bob.start();
    await trial.until(() => arrivedAtDrained !== null, 30_000);
    await trial.sleep(2_000);
    clearInterval(writer);
    trial.rule(
      'drained comes after the last that waited',
      (arrivedAtDrained ?? 0) >= stored,
      `${arrivedAtDrained} of ${stored}`,
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
