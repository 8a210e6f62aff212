import { Crowd } from '../../clients/crowd.ts';
import { silentDevice } from '../../clients/silent-device.ts';
import type { Scenario } from '../../harness/trial.ts';
import { TcpProxy } from '../../injectors/proxy.ts';

const OWNERS = 8;

export const latePong: Scenario = {
  name: 'late-pong',
  row: 6,
  what: 'a device that was replaced without its node hearing of it confirms after all',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    // One proxy for each owner: what is sent to one may only vanish once that owner has logged in, because until then
    // the old device still holds the session and rightly confirms.
    const proxies = await Promise.all(
      Array.from({ length: OWNERS }, () => TcpProxy.start({ port: rig.node(1).port })),
    );
    try {
      const crowd = await trial.crowd({ count: 24 });
      await trial.warmUp(crowd, 150);
      const { journal, random } = trial;
      const crowds = await Promise.all(
        proxies.map((proxy, index) =>
          Crowd.gather({
            count: 1,
            http: rig.node(0).http,
            dial: () => `ws://127.0.0.1:${proxy.port}/ws`,
            journal,
            random: random.fork(`owner ${index}`),
            protocol2Share: 0,
            client: { silenceMs: 600_000, backoffMsMax: 50 },
          }),
        ),
      );
      const owners = crowds.flatMap(({ clients }) => clients);
      const codes = new Set(owners.map(({ user }) => user.code));
      rig.proxy(0).add({ kind: 'silence', channel: () => true }, 'down');
      for (let round = 0; round < (trial.short ? 3 : 30); round += 1) {
        for (let sent = 0; sent < 20 * OWNERS; sent += 1) {
          const owner = owners[sent % OWNERS];
          if (owner !== undefined) crowd.clients[sent % crowd.clients.length]?.send(owner.user.code, 100);
        }
        await trial.until(() => crowd.clients.every(({ sendQueue }) => sendQueue.queued === 0), 5_000);
        // An old device has received everything and not answered yet.
        const devices = await Promise.all(owners.map(({ user }) => silentDevice(rig.node(0).ws, user)));
        await Promise.all(devices.map((device) => device.until(() => device.envelopes.length >= 20)));
        trial.mark('the new devices log in, and what they are sent vanishes on the way');
        for (const [index, owner] of owners.entries()) {
          owner.onConnected = () => proxies[index]?.add({ kind: 'blackhole' }, 'down');
          owner.start();
        }
        const replaced = await trial.until(() => owners.every(({ connected }) => connected), 10_000);
        trial.rule(`every old device was replaced (${round + 1})`, replaced, replaced ? 'all' : 'not all');
        await trial.sleep(500);
        for (const device of devices) device.ws.pong(device.pings.at(-1) ?? '');
        await trial.sleep(500);
        for (const owner of owners) {
          owner.onConnected = () => undefined;
          owner.cut();
        }
        for (const proxy of proxies) {
          proxy.reset();
          proxy.heal();
        }
        const arrived = await trial.until(
          () =>
            journal.sent.every(
              ({ recipient, outcome, arrived }) => !codes.has(recipient) || outcome !== 'accepted' || arrived,
            ),
          5_000,
        );
        trial.rule(
          `what the old devices had is not gone (${round + 1})`,
          arrived,
          arrived ? 'all came again' : 'some are lost',
        );
        for (const device of devices) device.ws.terminate();
        for (const owner of owners) owner.stop();
        await trial.until(() => owners.every(({ connected }) => !connected), 5_000);
      }
      rig.proxy(0).heal();
      await rig.node(0).untilReady();
      for (const owner of owners) owner.start();
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      for (const one of crowds) one.leave();
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  },
};

export const lateReclaim: Scenario = {
  name: 'late-reclaim',
  row: 6,
  what: 'a node that has not heard that its users went elsewhere reconnects to Redis, and takes no session back',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis', proxied: true });
    const crowd = await trial.crowd({ count: 30, dial: () => rig.node(1).ws });
    await trial.warmUp(crowd, 200);
    for (let round = 0; round < (trial.short ? 3 : 30); round += 1) {
      trial.mark('all users are on node-1, which hears no wake-up, and go to node-2');
      rig.proxy(0).add({ kind: 'silence', channel: () => true }, 'down');
      const owners = crowd.clients.filter(({ protocol }) => protocol === 1);
      for (const owner of owners) owner.stop();
      await trial.until(() => owners.every(({ connected }) => !connected), 5_000);
      // Each receives nothing that it would confirm: a device that has been forgotten in a drawer.
      const devices = await Promise.all(owners.map(({ user }) => silentDevice(rig.node(0).ws, user)));
      for (const owner of owners) owner.start();
      await trial.until(() => crowd.connected === crowd.clients.length, 5_000);
      const connections = owners.map(({ connection }) => connection?.connection);
      trial.mark('node-1 hears again, and its connections to Redis are new');
      rig.proxy(0).heal();
      rig.proxy(0).reset();
      const closed = await trial.until(() => devices.every((device) => device.closed !== null), 5_000);
      const codes = new Set(devices.map((device) => device.closed?.code));
      trial.rule(
        `displaced devices are closed (${round + 1})`,
        closed && codes.has(4409) && codes.size === 1,
        [...codes].join(' '),
      );
      const kept = owners.every(({ connection }, index) => connection?.connection === connections[index]);
      trial.rule(`the newer devices stay (${round + 1})`, kept, `${owners.length} users`);
      for (const device of devices) device.ws.terminate();
      // Until then it refuses logins, and rightly.
      await rig.node(0).untilReady();
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
