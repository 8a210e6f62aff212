import type { RedisCluster } from '../../../support/redis/redis-cluster.ts';
import type { Crowd } from '../../clients/crowd.ts';
import type { RecordingClient } from '../../clients/recording-client.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';
import { beginMove, endMove, type Move, planMove, slotOfUser } from '../../injectors/slots.ts';

const CALM_MS = 4_000;
/** They leave it to the relay to end connections: one that they cut themselves on a busy machine would count as lost. */
const PATIENT = { silenceMs: 60_000, loginMs: 60_000 };
/** What an envelope may take until it is stored or `unavailable`. */
const ANSWER_MS = 2_000;

interface Moving {
  readonly moves: readonly Move[];
  /** Users with mailboxes on these slots. */
  readonly codes: ReadonlySet<string>;
}

/** Plans moves of `count` slots that have users. */
async function planMoves(cluster: RedisCluster, crowd: Crowd, count: number): Promise<Moving> {
  const moves = new Map<number, Move>();
  const slots = new Map<string, number>();
  for (const { user } of crowd.clients) {
    const slot = await slotOfUser(cluster, user.code);
    slots.set(user.code, slot);
    if (moves.size < count && !moves.has(slot)) moves.set(slot, await planMove(cluster, slot, moves.size));
  }
  const codes = [...slots].filter(([, slot]) => moves.has(slot)).map(([code]) => code);
  return { moves: [...moves.values()], codes: new Set(codes) };
}

/** From acceptance to arrival of what was sent in this time by and to users whose slots stay, p99, ms. */
function p99OfOthers(trial: Trial, codes: ReadonlySet<string>, fromMs: number, toMs: number): number {
  return trial.delay(
    0.99,
    ({ sender, recipient, sentAtMs }) =>
      !codes.has(sender) && !codes.has(recipient) && sentAtMs >= fromMs && sentAtMs < toMs,
  );
}

/** Other users lose no connection, and what they send with an `id` to each other is accepted. */
class Others {
  readonly #clients: readonly RecordingClient[];
  readonly #codes: ReadonlySet<string>;
  readonly #connections: readonly (number | undefined)[];
  readonly #fromMs = performance.now();

  constructor(crowd: Crowd, codes: ReadonlySet<string>) {
    this.#clients = crowd.clients.filter(({ user }) => !codes.has(user.code));
    this.#codes = new Set(this.#clients.filter(({ withIds }) => withIds).map(({ user }) => user.code));
    this.#connections = this.#clients.map(({ connection }) => connection?.connection);
  }

  judge(trial: Trial, all: ReadonlySet<string>, what: string): void {
    const moved = this.#clients.filter(
      ({ connection }, n) => connection?.connection !== this.#connections[n],
    );
    trial.rule(`other users keep their connections ${what}`, moved.length === 0, `${moved.length} lost`);
    const untilMs = performance.now() - ANSWER_MS;
    const failed = trial.journal.sent.filter(
      ({ sender, recipient, sentAtMs, outcome }) =>
        this.#codes.has(sender) &&
        !all.has(recipient) &&
        sentAtMs >= this.#fromMs &&
        sentAtMs < untilMs &&
        outcome !== 'accepted',
    );
    trial.rule(`other users get no error ${what}`, failed.length === 0, `${failed.length} not accepted`);
  }
}

export const manySlotsMove: Scenario = {
  name: 'many-slots-move',
  row: 30,
  what: '80 slots move under load: only what lies on them is subscribed again',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'cluster', replicas: 0 });
    const { cluster } = rig.store;
    if (cluster === null) throw new Error('this rig has no Cluster');
    const crowd = await trial.crowd({ count: trial.short ? 300 : 1_000, client: PATIENT });
    await trial.warmUp(crowd, 250);
    await trial.sleep(CALM_MS);
    const subscribes = async () => {
      const stats = await Promise.all(cluster.masters.map((master) => master.call('INFO', 'commandstats')));
      const calls = stats.map((text) => /cmdstat_ssubscribe:calls=(\d+)/.exec(String(text))?.[1] ?? 0);
      return calls.reduce<number>((sum, count) => sum + Number(count), 0);
    };
    const { moves, codes } = await planMoves(cluster, crowd, trial.short ? 40 : 80);
    const others = new Others(crowd, codes);
    const before = await subscribes();
    const fromMs = performance.now();
    trial.mark(`${moves.length} slots with ${codes.size} users move`);
    for (const move of moves) {
      await beginMove(move, 0.5);
      await endMove(move, cluster);
      await trial.sleep(100);
    }
    const toMs = performance.now();
    await trial.sleep(3_000);
    trial.mark(`they have moved, in ${((toMs - fromMs) / 1_000).toFixed(1)} s`);
    // One for each channel that moved and for each probe; as many again are a margin for retries.
    const bound = 2 * (codes.size + 2 * moves.length);
    trial.atMost('subscriptions made', (await subscribes()) - before, bound, '');
    others.judge(trial, codes, 'while slots move');
    const calm = p99OfOthers(trial, codes, fromMs - CALM_MS, fromMs);
    trial.atMost(
      `p99 of other users (before: ${calm.toFixed(1)} ms)`,
      p99OfOthers(trial, codes, fromMs, toMs),
      Math.round(calm * 2 + 20),
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
