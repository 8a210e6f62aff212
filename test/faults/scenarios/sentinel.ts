import type { Bench, Scenario } from '../bench.ts';

async function failOver(bench: Bench, waitReplicas: number): Promise<void> {
  const settings = { RELAY_REDIS_WAIT_REPLICAS: `${waitReplicas}` };
  const rig = await bench.rig({ nodes: 2, store: 'sentinel', settings });
  const { sentinel } = rig;
  if (sentinel === null) throw new Error('this rig has no sentinels');
  const crowd = await bench.crowd({ count: 40 });
  const killedAtMs: number[] = [];
  // What a master alone had stored is gone with it; with WAIT it was not accepted, and is sent again.
  bench.historyMayBeUndone = true;
  if (waitReplicas === 0) {
    // Replication is asynchronous: what the old master had not passed on is lost. Counted as `excused`.
    bench.mayLose = ({ settledAtMs }) =>
      settledAtMs !== null && killedAtMs.some((at) => settledAtMs > at - 1_000 && settledAtMs <= at + 500);
  }
  await bench.warmUp(crowd, 250);
  const failovers = bench.short ? 1 : 2;
  for (let failover = 0; failover < failovers; failover += 1) {
    await bench.sleep(2_000);
    const port = await sentinel.masterPort();
    const master = sentinel.servers.find((server) => server.port === port);
    if (master === undefined) throw new Error(`no server at port ${port}`);
    bench.mark(`the master at ${port} is killed`);
    await master.kill();
    killedAtMs.push(performance.now());
    const acceptedBefore = bench.journal.accepted;
    const again = await bench.until(() => bench.journal.accepted > acceptedBefore + 50, 40_000);
    const tookMs = performance.now() - (killedAtMs.at(-1) ?? 0);
    bench.atMost('delivery again after', again ? tookMs : Number.POSITIVE_INFINITY, 15_000);
    bench.mark(`the master is at ${await sentinel.masterPort()}`);
    await master.restart();
    bench.mark('the old master is back, as a replica');
    await bench.sleep(4_000);
  }
  await bench.untilAccepted(bench.acceptedMin, 60_000);
  await bench.heal();
}

export const sentinelFailover: Scenario = {
  name: 'sentinel-failover',
  row: 10,
  what: 'Sentinel fails over; asynchronous replication may lose what is younger than a second',
  run: (bench) => failOver(bench, 0),
};

export const sentinelFailoverWait: Scenario = {
  name: 'sentinel-failover-wait',
  row: 10,
  what: 'Sentinel fails over with RELAY_REDIS_WAIT_REPLICAS=1: nothing may be lost',
  run: (bench) => failOver(bench, 1),
};

/** What a master alone has stored is gone with it: with WAIT nothing of that was accepted, without it all of it was. */
async function stopReplicas(bench: Bench, waitReplicas: number): Promise<void> {
  const settings = { RELAY_REDIS_WAIT_REPLICAS: `${waitReplicas}` };
  const rig = await bench.rig({ nodes: 2, store: 'sentinel', settings });
  const { sentinel } = rig;
  if (sentinel === null) throw new Error('this rig has no sentinels');
  // What was not accepted is sent again, and stored by the new master for the first time.
  bench.historyMayBeUndone = true;
  const crowd = await bench.crowd({ count: 40 });
  await bench.warmUp(crowd, 250);
  const port = await sentinel.masterPort();
  const master = sentinel.servers.find((server) => server.port === port);
  const replicas = sentinel.servers.filter((server) => server.port !== port);
  // What is pushed at once is in safety: for those who are away the store alone has it.
  const away = crowd.clients.slice(0, 20);
  for (const client of away) client.stop();
  await bench.until(() => away.every(({ connected }) => !connected), 5_000);
  crowd.write(250, crowd.clients.slice(20));
  await bench.sleep(1_000);
  bench.mark('the replicas are stopped');
  const stoppedAtMs = performance.now();
  let killedAtMs = Number.POSITIVE_INFINITY;
  if (waitReplicas === 0) {
    const idless = new Set(crowd.clients.filter(({ withIds }) => !withIds).map(({ user }) => user.code));
    bench.mayLose = ({ sender, sentAtMs, settledAtMs }) => {
      if (settledAtMs === null || settledAtMs < stoppedAtMs - 1_000) return false;
      // Without an `id` it counts as accepted only when a later one is, which may be by the new master.
      return settledAtMs <= killedAtMs + 500 || (idless.has(sender) && sentAtMs <= killedAtMs);
    };
  }
  for (const replica of replicas) replica.pause();
  // What is on its way to a stopped process waits in the kernel, and would be read when it goes on.
  await master?.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await bench.sleep(500);
  const acceptedAlone = bench.journal.accepted;
  // What is sent again has been stored by the master alone: that is not enough the second time either.
  await bench.sleep(3_000);
  const accepted = bench.journal.accepted - acceptedAlone;
  if (waitReplicas > 0)
    bench.rule('nothing is accepted that one server alone has', accepted === 0, `${accepted}`);
  else bench.rule('what one server alone has is accepted', accepted > 0, `${accepted}`);
  bench.mark('the master is killed, the replicas go on');
  await master?.kill();
  killedAtMs = performance.now();
  for (const replica of replicas) replica.resume();
  const before = bench.journal.accepted;
  await bench.until(() => bench.journal.accepted > before + 50, 40_000);
  for (const client of away) client.start();
  await bench.untilAccepted(bench.acceptedMin, 60_000);
  await bench.heal();
}

export const replicasStopped: Scenario = {
  name: 'replicas-stopped',
  row: 10,
  what: 'replicas hear nothing for a while, then the master dies (RELAY_REDIS_WAIT_REPLICAS=1)',
  run: (bench) => stopReplicas(bench, 1),
};

export const replicasStoppedNoWait: Scenario = {
  name: 'replicas-stopped-no-wait',
  row: 10,
  what: 'the same without RELAY_REDIS_WAIT_REPLICAS: what the master alone had is lost with it, and counted',
  run: (bench) => stopReplicas(bench, 0),
};
