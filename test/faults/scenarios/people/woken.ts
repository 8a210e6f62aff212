import { LEASE_MS } from '../../../../src/engine/verbs/announcements.ts';
import type { RelayNode } from '../../../support/servers/relay-node.ts';
import { WebhookReceiver } from '../../../support/services/webhook-receiver.ts';
import { Crowd } from '../../clients/crowd.ts';
import type { Scenario } from '../../harness/trial.ts';
import { TcpProxy } from '../../injectors/proxy.ts';

const AWAY = 16;
/** From storing to posting: a user is announced after a second. */
const WAKING_MS = 1_500;
const STORE_IS_AWAY_MS = 20;
const RECEIVER_IS_AWAY_MS = 60;
/** What a dead node had taken is taken again 30 s later. */
const WOKEN_WITHIN_MS = 60_000;
/** An announcement that comes later than this was left behind by a node that died. */
const LATE_MS = 10_000;

export const waking: Scenario = {
  name: 'waking',
  row: 36,
  what: 'nodes killed -9 between storing and waking: every user who is away is woken at least once, at most twice',
  async run(trial) {
    const receiver = await WebhookReceiver.start();
    // Each node has its own way there, so that a message tells which node posts it.
    const ways = await Promise.all([0, 1, 2, 3].map(() => TcpProxy.start({ port: receiver.port })));
    for (const way of ways)
      way.add({ kind: 'latency', latencyMs: RECEIVER_IS_AWAY_MS, jitterMs: 20 }, 'up', 'down');
    try {
      const rig = await trial.rig({
        nodes: ways.length,
        store: 'redis',
        proxied: true,
        settings: receiver.settings,
        settingsOf: (index) => ({ RELAY_WAKE_URL: `http://127.0.0.1:${ways[index]?.port}/wake` }),
      });
      const crowd = await trial.crowd({ count: 24, idlessShare: 0 });
      const { journal, random } = trial;
      await trial.warmUp(crowd, 100);
      const storedAtMs = new Map<string, number>();
      const groups: Crowd[] = [];
      const late = () =>
        receiver.received.flatMap(({ body, atMs }) =>
          body.data.users.filter(({ code }) => atMs - (storedAtMs.get(code) ?? atMs) > LATE_MS),
        );
      for (let round = 0; round < (trial.short ? 1 : 5); round += 1) {
        const before = storedAtMs.size;
        for (const proxy of rig.proxies)
          proxy.add({ kind: 'latency', latencyMs: STORE_IS_AWAY_MS, jitterMs: 5 }, 'up', 'down');
        const killed: RelayNode[] = [];
        const kill = async (node: RelayNode | undefined, why: string) => {
          if (node === undefined || killed.includes(node)) return;
          killed.push(node);
          await node.kill();
          trial.mark(`kill -9 ${node.id} ${why}`);
        };
        // What they have taken is not due again before all three are dead: no user is cut off twice.
        for (const when of ['somewhere', 'posting', 'posting'] as const) {
          const away = await Crowd.gather({
            count: AWAY,
            http: rig.nodes.find((node) => !killed.includes(node))?.http ?? '',
            dial: rig.dial,
            journal,
            random: random.fork(`away ${groups.length}`),
          });
          groups.push(away);
          const dead = killed.length + 1;
          if (when === 'posting') {
            const codes = new Set(away.clients.map(({ user }) => user.code));
            receiver.answer = ({ headers, body }) => {
              const isOurs = body.data.users.some(({ code }) => codes.has(code));
              const index = ways.findIndex(({ port }) => headers.host === `127.0.0.1:${port}`);
              // The answer is still on its way when the node dies.
              if (isOurs && killed.length < dead) void kill(rig.nodes[index], 'while it posts');
              return { status: 204 };
            };
          }
          for (const { user } of away.clients) {
            random.pick(crowd.clients).send(user.code, 100);
            storedAtMs.set(user.code, performance.now());
          }
          if (when === 'somewhere') {
            await trial.sleep(random.integer(0, WAKING_MS));
            await kill(random.pick(rig.nodes), 'somewhere between storing and waking');
          } else {
            await trial.until(
              () =>
                killed.length === dead && rig.nodes.every((node) => !killed.includes(node) || !node.listed),
              10_000,
            );
          }
        }
        receiver.answer = () => ({ status: 204 });
        for (const proxy of rig.proxies) proxy.heal();
        for (const node of killed) await node.start();
        const woken = () => [...storedAtMs.keys()].filter((code) => receiver.of(code).length > 0).length;
        const all = await trial.until(() => woken() === storedAtMs.size, WOKEN_WITHIN_MS);
        trial.rule(
          `every user is woken (${round + 1})`,
          all,
          `${woken() - before} of ${storedAtMs.size - before}`,
        );
        // What was posted and not noted is posted again after the lease.
        await trial.until(() => late().length > 0, LEASE_MS + 10_000);
      }
      // Longer than a repetition takes.
      await trial.sleep(3_000);
      const times = [...storedAtMs.keys()].map((code) => receiver.of(code));
      trial.rule(
        'at most twice',
        times.every(({ length }) => length <= 2),
        `${times.filter(({ length }) => length > 2).length} more often`,
      );
      trial.rule(
        'both times by the same id',
        times.every((each) => new Set(each.map(({ id }) => id)).size <= 1),
        `${times.filter(({ length }) => length === 2).length} twice`,
      );
      trial.rule(
        'some were left behind by a node that died',
        late().length > 0,
        `${late().length} of ${storedAtMs.size}`,
      );
      trial.rule('every message is signed', receiver.errors.length === 0, receiver.errors[0] ?? 'all');
      for (const away of groups) for (const client of away.clients) client.start();
      await trial.untilAccepted(trial.acceptedMin, 60_000);
      await trial.heal();
      for (const away of groups) away.leave();
    } finally {
      await Promise.all(ways.map((way) => way.stop()));
      await receiver.close();
    }
  },
};
