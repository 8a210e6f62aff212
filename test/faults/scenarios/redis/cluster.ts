import type { RedisCluster } from '../../../support/redis/redis-cluster.ts';
import { mastersOf } from '../../../support/redis/store.ts';
import type { Crowd } from '../../clients/crowd.ts';
import type { Rig } from '../../harness/rig.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';
import { beginMove, endMove, planMove, slotOfUser } from '../../injectors/slots.ts';
import { TWO_PROBES_MS, untilNotReady } from './silent-subscription.ts';

/** Every session polls its mailbox every 30 to 40 s. */
const BACKSTOP_MS = 40_000;
const SETTLED_TIMEOUT_MS = 30_000;

function clusterOf(rig: Rig): RedisCluster {
  if (rig.store.cluster === null) throw new Error('this rig has no Cluster');
  return rig.store.cluster;
}

/** The first master began with the first third of the slots. */
async function usersOfFirstShard(cluster: RedisCluster, crowd: Crowd): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  for (const { user } of crowd.clients) {
    if ((await slotOfUser(cluster, user.code)) <= Math.floor(16_384 / 3) - 1) codes.add(user.code);
  }
  return codes;
}

async function randomMove(trial: Trial, crowd: Crowd, cluster: RedisCluster) {
  const client = trial.random.pick(crowd.clients);
  return planMove(cluster, await slotOfUser(cluster, client.user.code), trial.random.integer(0, 1));
}

export const slotsMove: Scenario = {
  name: 'slots-move',
  row: 11,
  what: '20 slot migrations and Cluster failovers under 1,000 subscriptions',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'cluster' });
    const cluster = clusterOf(rig);
    const crowd = await trial.crowd({ count: trial.short ? 200 : 1_000 });
    await trial.warmUp(crowd, 250);
    const steps = trial.short ? 6 : 20;
    for (let step = 0; step < steps; step += 1) {
      if (step % 3 === 2) {
        const masters = await mastersOf(cluster);
        const replica = trial.random.pick(cluster.servers.filter((server) => !masters.includes(server)));
        trial.mark(`the replica at ${replica.port} takes over`);
        await replica.call('CLUSTER', 'FAILOVER');
        await trial.until(async () => (await mastersOf(cluster)).includes(replica), SETTLED_TIMEOUT_MS);
      } else {
        const move = await randomMove(trial, crowd, cluster);
        trial.mark(`slot ${move.slot} moves from ${move.from.port} to ${move.to.port}`);
        await beginMove(move, 0.5);
        await trial.sleep(trial.random.integer(0, 500));
        await endMove(move, cluster);
      }
      await trial.sleep(trial.random.integer(300, 1_500));
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    trial.atMost('no user waited longer than', trial.delay(1), BACKSTOP_MS);
  },
};

export const halfMigrated: Scenario = {
  name: 'half-migrated',
  row: 24,
  what: 'slots left half migrated: some keys here, some there',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'cluster', replicas: 0 });
    const cluster = clusterOf(rig);
    const crowd = await trial.crowd({ count: 60 });
    await trial.warmUp(crowd, 250);
    const moves = trial.short ? 3 : 12;
    for (let index = 0; index < moves; index += 1) {
      const move = await randomMove(trial, crowd, cluster);
      trial.mark(`slot ${move.slot} is half on ${move.from.port} and half on ${move.to.port}`);
      await beginMove(move, trial.random.next());
      await trial.sleep(trial.short ? 3_000 : 20_000);
      await endMove(move, cluster);
      trial.mark(`slot ${move.slot} is whole again`);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

export const shardKilled: Scenario = {
  name: 'shard-killed',
  row: 11,
  what: 'a master of a Cluster killed -9, its replica takes over (RELAY_REDIS_WAIT_REPLICAS=1)',
  async run(trial) {
    const rig = await trial.rig({
      nodes: 2,
      store: 'cluster',
      settings: { RELAY_REDIS_WAIT_REPLICAS: '1' },
      // Else a shard whose replica has become its master stores nothing until the old one is back.
      redisConf: { 'cluster-require-full-coverage': 'no' },
    });
    const cluster = clusterOf(rig);
    const crowd = await trial.crowd({ count: 60 });
    await trial.warmUp(crowd, 250);
    const rounds = trial.short ? 1 : 5;
    for (let round = 0; round < rounds; round += 1) {
      const master = trial.random.pick(await mastersOf(cluster));
      trial.mark(`the master at ${master.port} is killed`);
      const mastersBefore = new Set(await mastersOf(cluster));
      await master.kill();
      const killedAtMs = performance.now();
      const living = cluster.servers.filter((server) => server !== master);
      const tookOver = await trial.until(async () => {
        const roles = await Promise.all(
          living.map(async (server) => ((await server.call('ROLE')) as string[])[0]),
        );
        return living.some((server, i) => roles[i] === 'master' && !mastersBefore.has(server));
      }, SETTLED_TIMEOUT_MS);
      trial.rule('a replica took over', tookOver, `after ${Math.round(performance.now() - killedAtMs)} ms`);
      await trial.sleep(2_000);
      await master.restart();
      trial.mark(`${master.port} is back, as a replica`);
      await trial.sleep(3_000);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

export const oneShardDown: Scenario = {
  name: 'one-shard-down',
  row: 21,
  what: 'one shard of three down: users of the other two notice nothing',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({
      nodes: 2,
      store: 'cluster',
      replicas: 0,
      redisConf: { 'cluster-require-full-coverage': 'no' },
    });
    const cluster = clusterOf(rig);
    const [sick] = cluster.masters;
    if (sick === undefined) throw new Error('a Cluster has masters');
    const crowd = await trial.crowd({ count: 90 });
    const sickCodes = await usersOfFirstShard(cluster, crowd);
    const isSick = (code: string) => sickCodes.has(code);
    await trial.warmUp(crowd, 250);
    await trial.sleep(3_000);
    const healthy = ({ sender, recipient }: { sender: string; recipient: string }) =>
      !isSick(sender) && !isSick(recipient);
    const calmFromMs = performance.now() - 3_000;
    const downFromMs = performance.now();
    const sickClients = crowd.clients.filter(({ user }) => isSick(user.code));
    const healthyClients = crowd.clients.filter(({ user }) => !isSick(user.code));
    const connectionsBefore = new Map(
      healthyClients.map((client) => [client, client.connection?.connection]),
    );
    trial.mark(`the shard at ${sick.port} is stopped: ${sickClients.length} users`);
    sick.pause();
    await trial.sleep(trial.short ? 8_000 : 60_000);
    const upFromMs = performance.now();
    const moved = healthyClients.filter(
      (client) => client.connection?.connection !== connectionsBefore.get(client),
    );
    const inDoubt = trial.journal.sent.filter(
      (sent) =>
        healthy(sent) &&
        sent.outcome !== 'accepted' &&
        sent.sentAtMs >= downFromMs &&
        sent.sentAtMs < upFromMs - 1_000,
    );
    const idless = new Set(crowd.clients.filter(({ withIds }) => !withIds).map(({ user }) => user.code));
    const failed = inDoubt.filter(({ sender }) => !idless.has(sender));
    trial.rule('healthy users lost no connection', moved.length === 0, `${moved.length}`);
    trial.rule(
      'healthy users had no errors',
      failed.length === 0,
      `${failed.length} of their envelopes not accepted`,
    );
    const ready = await Promise.all(rig.nodes.map((node) => node.ready()));
    trial.rule(
      'the nodes stay ready',
      ready.every(({ status }) => status === 200),
      ready.map(({ reason }) => reason).join('; '),
    );
    sick.resume();
    trial.mark('it goes on');
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const p99 = (fromMs: number, toMs: number) =>
      trial.delay(0.99, (sent) => healthy(sent) && sent.sentAtMs >= fromMs && sent.sentAtMs < toMs);
    const calm = p99(calmFromMs, downFromMs);
    const down = p99(downFromMs, upFromMs - 1_000);
    // Of a few milliseconds a fifth is less than the noise of a shared machine.
    trial.atMost(`p99 of healthy users (before: ${calm.toFixed(1)} ms)`, down, Math.round(calm * 1.2 + 20));
  },
};

export const silentShard: Scenario = {
  name: 'silent-shard',
  row: 3,
  what: 'publish/subscribe of one shard of three alone is silent: its users get everything, later; others notice nothing',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'cluster', replicas: 0, proxied: true });
    const crowd = await trial.crowd({ count: 60 });
    const silent = await usersOfFirstShard(clusterOf(rig), crowd);
    await trial.warmUp(crowd, 200);
    await trial.sleep(3_000);
    const silentFromMs = performance.now();
    trial.mark(`messages of the first shard are swallowed: ${silent.size} users`);
    rig.proxy(0).add({ kind: 'silence', channel: () => true }, 'down');
    const noticedMs = await Promise.all(rig.nodes.map((node) => untilNotReady(trial, node, 15_000)));
    trial.atMost('not ready within two probes', Math.max(...noticedMs), TWO_PROBES_MS);
    await trial.sleep(trial.short ? 10_000 : 60_000);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    const silentUntilMs = performance.now();
    // While nothing of that shard is heard, the polled reads alone must bring everything.
    crowd.rest();
    const polled = await trial.until(() => trial.journal.missing === 0, 10_000);
    trial.rule('polled reads alone bring everything', polled, `${trial.journal.missing} missing`);
    rig.proxy(0).heal();
    await trial.heal();
    trial.atMost('every envelope arrived after', trial.delay(1), 10_000);
    const p99 = (fromMs: number, toMs: number) =>
      trial.delay(0.99, ({ recipient, sentAtMs }) => {
        return !silent.has(recipient) && sentAtMs >= fromMs && sentAtMs < toMs;
      });
    const calm = p99(silentFromMs - 3_000, silentFromMs);
    // Of a few milliseconds a fifth is less than the noise of a shared machine.
    const bound = Math.round(calm * 1.2 + 20);
    trial.atMost(
      `p99 of the other shards (before: ${calm.toFixed(1)} ms)`,
      p99(silentFromMs, silentUntilMs),
      bound,
    );
    for (const node of rig.nodes) await node.untilReady();
  },
};
