import { PlainClient } from '../../support/client.ts';
import type { Scenario } from '../bench.ts';
import { Crowd } from '../crowd.ts';
import { TcpProxy } from '../proxy.ts';
import { Stranger } from '../stranger.ts';

export const threeAtOnce: Scenario = {
  name: 'three-at-once',
  row: 13,
  what: 'one user connects on three nodes at once, 1,000 times',
  async run(bench) {
    const rig = await bench.rig({ nodes: 3, store: 'redis' });
    const crowd = await bench.crowd({ count: 30 });
    await bench.warmUp(crowd, 200);
    // Who is about to connect thrice receives like everybody else, and comes back on whatever connection survives.
    const victim = crowd.clients.find(({ protocol }) => protocol === 1);
    if (victim === undefined) throw new Error('half of a crowd speak protocol 1');
    victim.stop();
    await bench.until(() => !victim.connected, 5_000);
    const rounds = bench.short ? 100 : 1_000;
    let survivorsWrong = 0;
    let slowestMs = 0;
    bench.mark(`three logins at once, ${rounds} times`);
    for (let round = 0; round < rounds; round += 1) {
      // They receive nothing that they would confirm: each is a device that only just logs in.
      const devices = await Promise.all(
        rig.nodes.map(({ ws }) => PlainClient.login(ws, victim.user, { autoPong: false })),
      );
      const startedMs = performance.now();
      const open = () => devices.filter(({ closed }) => closed === null);
      const one = await bench.until(() => open().length === 1, 3_000);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      const replaced = devices
        .filter(({ closed }) => closed !== null)
        .every(({ closed }) => closed?.code === 4409);
      if (!one || !replaced) survivorsWrong += 1;
      await Promise.all(open().map((device) => device.close()));
    }
    bench.rule('exactly one survivor each time', survivorsWrong === 0, `${survivorsWrong} times not`);
    bench.atMost('one survivor after', slowestMs, 1_000);
    victim.start();
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};

export const halfOpen: Scenario = {
  name: 'half-open',
  row: 14,
  what: 'half-open sockets: packets vanish, no FIN',
  async run(bench) {
    // The defaults of the relay; the short form runs on a faster clock.
    const [pingMs, pongMs] = bench.short ? [2_000, 4_000] : [20_000, 30_000];
    const settings = { RELAY_PING_INTERVAL_MS: `${pingMs}`, RELAY_PONG_TIMEOUT_MS: `${pongMs}` };
    const rig = await bench.rig({ nodes: 2, store: 'redis', settings });
    const proxy = await TcpProxy.start({ port: rig.node(0).port });
    try {
      const crowd = await bench.crowd({ count: 30, client: { silenceMs: pingMs * 2 + 3_000 } });
      await bench.warmUp(crowd, 150);
      const { journal, random } = bench;
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
      const sendToHalves = () => {
        for (const [index, { user }] of halves.clients.entries()) crowd.clients[index]?.send(user.code, 100);
      };
      sendToHalves();
      await bench.sleep(1_000);
      bench.mark('ten connections are half-open');
      proxy.add({ kind: 'blackhole' }, 'up', 'down');
      const lostBefore = await rig.node(0).metric('keyrelay_sessions_closed_total', 'reason="goingAway"');
      sendToHalves();
      const atMs = performance.now();
      const noticed = await bench.until(
        async () => {
          const lost = await rig.node(0).metric('keyrelay_sessions_closed_total', 'reason="goingAway"');
          return lost - lostBefore >= halves.clients.length;
        },
        (pingMs + pongMs) * 2,
      );
      const tookMs = performance.now() - atMs;
      bench.atMost('all ten noticed after', noticed ? tookMs : Number.POSITIVE_INFINITY, pongMs + 2_500);
      bench.mark('they come back by another way');
      const missingBefore = journal.missing;
      dialled = rig.node(1).port;
      const backAtMs = performance.now();
      for (const client of halves.clients) client.cut();
      const delivered = await bench.until(
        () => journal.missing === 0 || journal.missing < missingBefore - 9,
        5_000,
      );
      bench.atMost(
        'what waited was delivered after',
        delivered ? performance.now() - backAtMs : Number.POSITIVE_INFINITY,
        1_000,
      );
      await bench.untilAccepted(bench.acceptedMin, 60_000);
      await bench.heal();
      halves.leave();
    } finally {
      await proxy.stop();
    }
  },
};

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

export const latePong: Scenario = {
  name: 'late-pong',
  row: 6,
  what: 'a device that was replaced without its node hearing of it confirms after all',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis', proxied: true });
    const proxy = await TcpProxy.start({ port: rig.node(1).port });
    try {
      const crowd = await bench.crowd({ count: 24 });
      await bench.warmUp(crowd, 150);
      const { journal, random } = bench;
      const owners = await Crowd.gather({
        count: 8,
        http: rig.node(0).http,
        dial: () => `ws://127.0.0.1:${proxy.port}/ws`,
        journal,
        random: random.fork('owners'),
        protocol2Share: 0,
        client: { silenceMs: 600_000, backoffMsMax: 50 },
      });
      rig.proxy(0).add({ kind: 'deaf', channel: () => true }, 'down');
      for (let round = 0; round < (bench.short ? 3 : 30); round += 1) {
        for (let sent = 0; sent < 20 * owners.clients.length; sent += 1) {
          const owner = owners.clients[sent % owners.clients.length];
          if (owner !== undefined) crowd.clients[sent % crowd.clients.length]?.send(owner.user.code, 100);
        }
        await bench.until(() => crowd.clients.every(({ mailout }) => mailout.queued === 0), 5_000);
        // An old device has received everything and not answered yet.
        const devices = await Promise.all(
          owners.clients.map(({ user }) => PlainClient.login(rig.node(0).ws, user, { autoPong: false })),
        );
        await Promise.all(devices.map((device) => device.until(() => device.envelopes.length >= 20)));
        bench.mark('the new devices log in, and what they are sent vanishes on the way');
        for (const owner of owners.clients) {
          owner.onConnected = () => proxy.add({ kind: 'blackhole' }, 'down');
          owner.start();
        }
        await bench.until(() => owners.connected > 0, 5_000);
        await bench.sleep(500);
        for (const device of devices) device.ws.pong(device.pings.at(-1) ?? '');
        await bench.sleep(500);
        for (const owner of owners.clients) {
          owner.onConnected = () => undefined;
          owner.cut();
        }
        proxy.reset();
        proxy.heal();
        const arrived = await bench.until(() => {
          const codes = new Set(owners.clients.map(({ user }) => user.code));
          return journal.sent.every(
            ({ recipient, outcome, arrived }) => !codes.has(recipient) || outcome !== 'accepted' || arrived,
          );
        }, 5_000);
        bench.rule(
          `what the old devices had is not gone (${round + 1})`,
          arrived,
          arrived ? 'all came again' : 'some are lost',
        );
        for (const device of devices) device.ws.terminate();
        for (const owner of owners.clients) owner.stop();
        await bench.until(() => owners.connected === 0, 5_000);
      }
      rig.proxy(0).heal();
      await rig.node(0).untilReady();
      for (const owner of owners.clients) owner.start();
      await bench.untilAccepted(bench.acceptedMin, 60_000);
      await bench.heal();
      owners.leave();
    } finally {
      await proxy.stop();
    }
  },
};

export const takeover: Scenario = {
  name: 'takeover',
  row: 13,
  what: 'users change device on the same node without leaving first: the new one hears everything at once',
  async run(bench) {
    const rig = await bench.rig({ nodes: 1, store: 'redis' });
    const crowd = await bench.crowd({ count: 24 });
    const { journal, random } = bench;
    // Only receive: who writes has one device. Both devices of a user are the same user to the journal.
    const owners = crowd.clients.slice(0, 8);
    const others = crowd.clients.slice(8);
    for (const client of owners) client.stop();
    await bench.until(() => crowd.connected === others.length, 5_000);
    const devices = owners.map(({ user, protocol }, index) =>
      [0, 1].map((which) => {
        const fork = random.fork(`device ${which} of ${index}`);
        return new Stranger({ user, protocol, withIds: true, dial: rig.dial, journal, random: fork });
      }),
    );
    const ticker = setInterval(() => {
      for (const device of devices.flat()) device.tick();
    }, 250);
    try {
      crowd.write(300, others);
      bench.mark('devices begin to take turns');
      const turns = bench.short ? 12 : 120;
      for (let turn = 0; turn < turns; turn += 1) {
        for (const pair of devices) pair[turn % 2]?.start();
        const replaced = await bench.until(
          () =>
            devices.every(
              (pair) => pair[turn % 2]?.connected === true && pair[(turn + 1) % 2]?.connected === false,
            ),
          3_000,
        );
        bench.rule(
          `the new devices alone are connected (${turn + 1})`,
          replaced,
          `${devices.flat().filter((d) => d.connected).length}`,
        );
        await bench.sleep(random.integer(300, 600));
      }
      await bench.untilAccepted(bench.acceptedMin, 60_000);
      await bench.heal();
      bench.atMost('every envelope arrived after', bench.delay(1), 3_000);
    } finally {
      clearInterval(ticker);
      for (const device of devices.flat()) device.stop();
    }
  },
};
