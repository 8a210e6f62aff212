import { RecordingClient } from '../../clients/recording-client.ts';
import { silentDevice } from '../../clients/silent-device.ts';
import type { Scenario } from '../../harness/trial.ts';

export const threeAtOnce: Scenario = {
  name: 'three-at-once',
  row: 13,
  what: 'one user connects on three nodes at once, 1,000 times',
  async run(trial) {
    const rig = await trial.rig({ nodes: 3, store: 'redis' });
    const crowd = await trial.crowd({ count: 30 });
    await trial.warmUp(crowd, 200);
    // A user who connects three times receives like the others, on the connection that survives.
    const victim = crowd.clients.find(({ protocol }) => protocol === 1);
    if (victim === undefined) throw new Error('half of a crowd speak protocol 1');
    victim.stop();
    await trial.until(() => !victim.connected, 5_000);
    const rounds = trial.short ? 100 : 1_000;
    let survivorsWrong = 0;
    let slowestMs = 0;
    trial.mark(`three logins at once, ${rounds} times`);
    const fromMs = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      const devices = await Promise.all(rig.nodes.map(({ ws }) => silentDevice(ws, victim.user)));
      const startedMs = performance.now();
      const open = () => devices.filter(({ closed }) => closed === null);
      const one = await trial.until(() => open().length === 1, 3_000);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      const replaced = devices
        .filter(({ closed }) => closed !== null)
        .every(({ closed }) => closed?.code === 4409);
      if (!one || !replaced) survivorsWrong += 1;
      await Promise.all(open().map((device) => device.close()));
    }
    trial.rule('exactly one survivor each time', survivorsWrong === 0, `${survivorsWrong} times not`);
    // Envelopes go the same way as the news of a login: what the slowest of them took is the machine's own lag.
    const lagMs = trial.delay(
      1,
      ({ recipient, sentAtMs }) => recipient !== victim.user.code && sentAtMs >= fromMs,
    );
    trial.mark(
      `the slowest login was settled after ${slowestMs.toFixed(0)} ms, the slowest envelope took ${lagMs.toFixed(0)} ms`,
    );
    trial.atMost('one survivor after, beyond the lag of this machine', Math.max(0, slowestMs - lagMs), 1_000);
    victim.start();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

export const takeover: Scenario = {
  name: 'takeover',
  row: 13,
  what: 'users change device on the same node without leaving first: the new one hears everything at once',
  async run(trial) {
    const rig = await trial.rig({ nodes: 1, store: 'redis' });
    const crowd = await trial.crowd({ count: 24 });
    const { journal, random } = trial;
    // They only receive: a writer has one device. Both devices of a user are one user to the journal.
    const owners = crowd.clients.slice(0, 8);
    const others = crowd.clients.slice(8);
    for (const client of owners) client.stop();
    await trial.until(() => crowd.connected === others.length, 5_000);
    const devices = owners.map(({ user, protocol }, index) =>
      [0, 1].map((which) => {
        const fork = random.fork(`device ${which} of ${index}`);
        return new RecordingClient({ user, protocol, withIds: true, dial: rig.dial, journal, random: fork });
      }),
    );
    const ticker = setInterval(() => {
      for (const device of devices.flat()) device.tick();
    }, 250);
    try {
      crowd.write(300, others);
      trial.mark('devices begin to take turns');
      const turns = trial.short ? 12 : 120;
      for (let turn = 0; turn < turns; turn += 1) {
        for (const pair of devices) pair[turn % 2]?.start();
        const replaced = await trial.until(
          () =>
            devices.every(
              (pair) => pair[turn % 2]?.connected === true && pair[(turn + 1) % 2]?.connected === false,
            ),
          3_000,
        );
        trial.rule(
          `the new devices alone are connected (${turn + 1})`,
          replaced,
          `${devices.flat().filter((d) => d.connected).length}`,
        );
        await trial.sleep(random.integer(300, 600));
      }
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      trial.atMost('every envelope arrived after', trial.delay(1), 3_000);
    } finally {
      clearInterval(ticker);
      for (const device of devices.flat()) device.stop();
    }
  },
};
