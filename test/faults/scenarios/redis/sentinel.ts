import type { Scenario, Trial } from '../../harness/trial.ts';

/** How a master goes: killed, and back once there is another one; or stopped, and back in the moment that there is. */
type Loss = 'killed' | 'stopped';

async function failOver(trial: Trial, waitReplicas: number, losses: readonly Loss[]): Promise<void> {
  const settings = { RELAY_REDIS_WAIT_REPLICAS: `${waitReplicas}` };
  const rig = await trial.rig({ nodes: 2, store: 'sentinel', settings });
  const { sentinel } = rig.store;
  if (sentinel === null) throw new Error('this rig has no sentinels');
  const crowd = await trial.crowd({ count: 40 });
  const killedAtMs: number[] = [];
  // What a master alone had stored is gone with it; with WAIT it was not accepted, and is sent again.
  trial.historyMayBeUndone = true;
  if (waitReplicas === 0) {
    // Replication is asynchronous: what the old master had not passed on is lost. Counted as `excused`.
    trial.mayLose = ({ settledAtMs }) =>
      settledAtMs !== null && killedAtMs.some((at) => settledAtMs > at - 1_000 && settledAtMs <= at + 500);
  }
  await trial.warmUp(crowd, 250);
  for (const loss of losses) {
    await trial.sleep(2_000);
    const port = await sentinel.masterPort();
    const master = sentinel.servers.find((server) => server.port === port);
    if (master === undefined) throw new Error(`no server at port ${port}`);
    trial.mark(`the master at ${port} is ${loss}`);
    killedAtMs.push(performance.now());
    if (loss === 'killed') await master.kill();
    else {
      master.pause();
      await trial.until(async () => (await sentinel.masterPort()) !== port, 40_000);
      // It still takes itself for the master, and the nodes still try to reach it.
      master.resume();
    }
    const acceptedBefore = trial.journal.accepted;
    const again = await trial.until(() => trial.journal.accepted > acceptedBefore + 50, 40_000);
    const tookMs = performance.now() - (killedAtMs.at(-1) ?? 0);
    trial.atMost('delivery again after', again ? tookMs : Number.POSITIVE_INFINITY, 15_000);
    trial.mark(`the master is at ${await sentinel.masterPort()}`);
    if (loss === 'killed') await master.restart();
    trial.mark('the old master is a replica');
    await trial.sleep(4_000);
  }
  await trial.untilAccepted(trial.acceptedMin, 60_000);
  await trial.heal();
}

export const sentinelFailover: Scenario = {
  name: 'sentinel-failover',
  row: 10,
  what: 'Sentinel fails over; asynchronous replication may lose what is younger than a second',
  run: (trial) =>
    failOver(trial, 0, trial.short ? ['killed', 'stopped'] : ['killed', 'stopped', 'killed', 'stopped']),
};

export const sentinelFailoverWait: Scenario = {
  name: 'sentinel-failover-wait',
  row: 10,
  what: 'Sentinel fails over with RELAY_REDIS_WAIT_REPLICAS=1: nothing may be lost',
  run: (trial) => failOver(trial, 1, trial.short ? ['killed'] : ['killed', 'stopped']),
};

/** What a master alone has stored is gone with it: with WAIT nothing of that was accepted, without it all of it was. */
async function stopReplicas(trial: Trial, waitReplicas: number): Promise<void> {
  const settings = { RELAY_REDIS_WAIT_REPLICAS: `${waitReplicas}` };
  const rig = await trial.rig({ nodes: 2, store: 'sentinel', settings });
  const { sentinel } = rig.store;
  if (sentinel === null) throw new Error('this rig has no sentinels');
  // What was not accepted is sent again, and stored by the new master for the first time.
  trial.historyMayBeUndone = true;
  const crowd = await trial.crowd({ count: 40 });
  await trial.warmUp(crowd, 250);
  const port = await sentinel.masterPort();
  const master = sentinel.servers.find((server) => server.port === port);
  const replicas = sentinel.servers.filter((server) => server.port !== port);
  // What is pushed at once is safe: only the store has what waits for absent users.
  const away = crowd.clients.slice(0, 20);
  for (const client of away) client.stop();
  await trial.until(() => away.every(({ connected }) => !connected), 5_000);
  crowd.write(250, crowd.clients.slice(20));
  await trial.sleep(1_000);
  trial.mark('the replicas are stopped');
  const stoppedAtMs = performance.now();
  let killedAtMs = Number.POSITIVE_INFINITY;
  if (waitReplicas === 0) {
    const idless = new Set(crowd.clients.filter(({ withIds }) => !withIds).map(({ user }) => user.code));
    trial.mayLose = ({ sender, sentAtMs, settledAtMs }) => {
      if (settledAtMs === null || settledAtMs < stoppedAtMs - 1_000) return false;
      // Without an `id` it counts as accepted only when a later one is, which may be by the new master.
      return settledAtMs <= killedAtMs + 500 || (idless.has(sender) && sentAtMs <= killedAtMs);
    };
  }
  for (const replica of replicas) replica.pause();
  // What is on its way to a stopped process waits in the kernel, and would be read when it goes on.
  await master?.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await trial.sleep(500);
  const acceptedAlone = trial.journal.accepted;
  // What is sent again has been stored by the master alone: that is not enough the second time either.
  await trial.sleep(3_000);
  const accepted = trial.journal.accepted - acceptedAlone;
  if (waitReplicas > 0)
    trial.rule('nothing is accepted that one server alone has', accepted === 0, `${accepted}`);
  else trial.rule('what one server alone has is accepted', accepted > 0, `${accepted}`);
  trial.mark('the master is killed, the replicas go on');
  await master?.kill();
  killedAtMs = performance.now();
  for (const replica of replicas) replica.resume();
  const before = trial.journal.accepted;
  await trial.until(() => trial.journal.accepted > before + 50, 40_000);
  for (const client of away) client.start();
  await trial.untilAccepted(trial.acceptedMin, 60_000);
  await trial.heal();
}

export const replicasStopped: Scenario = {
  name: 'replicas-stopped',
  row: 10,
  what: 'replicas hear nothing for a while, then the master dies (RELAY_REDIS_WAIT_REPLICAS=1)',
  run: (trial) => stopReplicas(trial, 1),
};

export const replicasStoppedNoWait: Scenario = {
  name: 'replicas-stopped-no-wait',
  row: 10,
  what: 'the same without RELAY_REDIS_WAIT_REPLICAS: what the master alone had is lost with it, and counted',
  run: (trial) => stopReplicas(trial, 0),
};
