import type { RedisCluster } from '../../../support/redis/redis-cluster.ts';
import type { Crowd } from '../../clients/crowd.ts';
import type { RecordingClient } from '../../clients/recording-client.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';
import { beginMove, endMove, type Move, planMove, slotOfUser } from '../../injectors/slots.ts';

const CALM_MS = 4_000;
/** They leave it to the relay to end connections: one that they cut themselves on a busy machine would count as lost. */
const PATIENT = { silenceMs: 60_000, loginMs: 60_000 };
/** What an envelope to a slot on the move may take until it is stored or `unavailable`. */
const ANSWER_MS = 2_000;
/** Beyond the time that slots stay half migrated: clients back off, and a busy machine is slow. */
const LOGIN_MS = 15_000;

interface Moving {
  readonly moves: readonly Move[];
  /** Users with mailboxes on these slots. */
  readonly codes: ReadonlySet<string>;
}

/** Plans moves of `count` slots that have users: master by master, since each next taker waits for gossip. */
async function planMoves(cluster: RedisCluster, crowd: Crowd, count: number): Promise<Moving> {
  const moves = new Map<number, Move>();
  const slots = new Map<string, number>();
  for (const { user } of crowd.clients) {
    const slot = await slotOfUser(cluster, user.code);
    slots.set(user.code, slot);
    if (moves.size < count && !moves.has(slot)) moves.set(slot, await planMove(cluster, slot, moves.size));
  }
  const codes = [...slots].filter(([, slot]) => moves.has(slot)).map(([code]) => code);
  const byTaker = [...moves.values()].sort((one, other) => one.to.port - other.to.port);
  return { moves: byTaker, codes: new Set(codes) };
}

/** From acceptance to arrival of what was sent in this time by and to users whose slots stay, p99, ms. */
function delayOfOthers(
  trial: Trial,
  q: number,
  {
    codes,
    fromMs,
    toMs,
  }: { readonly codes: ReadonlySet<string>; readonly fromMs: number; readonly toMs: number },
): number {
  return trial.delay(
    q,
    ({ sender, recipient, sentAtMs }) =>
      !codes.has(sender) && !codes.has(recipient) && sentAtMs >= fromMs && sentAtMs < toMs,
  );
}

/**
 * Other users lose no connection, and what they send with an `id` to each other is accepted. A plain client sends
 * everything in one order and waits after an `unavailable`: one that writes to a user on the move delays itself.
 */
class Others {
  readonly #clients: readonly RecordingClient[];
  readonly #codes: ReadonlySet<string>;
  readonly #connections: readonly (number | undefined)[];
  readonly #fromMs = performance.now();

  constructor(crowd: Crowd, codes: ReadonlySet<string>) {
    this.#clients = crowd.clients.filter(({ user }) => !codes.has(user.code));
    const writers = this.#clients.filter(
      (client) => client.withIds && !crowd.contactsOf(client).some((code) => codes.has(code)),
    );
    this.#codes = new Set(writers.map(({ user }) => user.code));
    this.#connections = this.#clients.map(({ connection }) => connection?.connection);
  }

  judge(trial: Trial, what: string): void {
    const moved = this.#clients.filter(
      ({ connection }, n) => connection?.connection !== this.#connections[n],
    );
    trial.rule(`other users keep their connections ${what}`, moved.length === 0, `${moved.length} lost`);
    const sent = this.#sent(trial, this.#fromMs, performance.now());
    const refused = sent.filter(({ unavailable }) => unavailable).length;
    trial.rule(`other users get no error ${what}`, refused === 0, `${refused} of ${sent.length} unavailable`);
    const calmMs = this.slowestMs(trial, this.#fromMs - CALM_MS, this.#fromMs);
    trial.atMost(
      `what other users send is accepted after (before: ${calmMs.toFixed(0)} ms), ${what}`,
      this.slowestMs(trial),
      Math.round(calmMs + ANSWER_MS),
    );
  }

  /** How long what they sent in this time (default: since the beginning) took to be accepted, or has taken, at most. */
  slowestMs(trial: Trial, fromMs = this.#fromMs, toMs = performance.now()): number {
    const waits = this.#sent(trial, fromMs, toMs).map(
      ({ sentAtMs, settledAtMs }) => (settledAtMs ?? performance.now()) - sentAtMs,
    );
    return Math.max(0, ...waits);
  }

  #sent(trial: Trial, fromMs: number, toMs: number) {
    return trial.journal.sent.filter(
      ({ sender, sentAtMs }) => this.#codes.has(sender) && sentAtMs >= fromMs && sentAtMs < toMs,
    );
  }
}

export const manyHalfMigrated: Scenario = {
  name: 'many-half-migrated',
  row: 29,
  what: '50 slots half migrated for 60 s under 2,000 users, then finished; once more before any key has moved',
  alone: true,
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'cluster', replicas: 0 });
    const { cluster } = rig.store;
    if (cluster === null) throw new Error('this rig has no Cluster');
    const crowd = await trial.crowd({ count: trial.short ? 300 : 2_000, client: PATIENT });
    await trial.warmUp(crowd, 250);
    let calm = 0;
    for (const keys of ['some', 'none'] as const) {
      await trial.sleep(CALM_MS);
      const calmToMs = performance.now();
      const { moves, codes } = await planMoves(cluster, crowd, trial.short ? 20 : 50);
      const told = trial.journal.unavailableMs.length;
      const others = new Others(crowd, codes);
      const so = `${keys} of the keys moved`;
      trial.mark(`${moves.length} slots with ${codes.size} users are half migrated, ${so}`);
      for (const move of moves) await beginMove(move, keys === 'some' ? trial.random.next() : 0);
      const fromMs = performance.now();
      const cut = crowd.clients.filter(({ user }, n) => codes.has(user.code) && n % 2 === 0);
      for (const client of cut) client.cut();
      await trial.sleep(trial.short ? 6_000 : 60_000);
      const toMs = performance.now();
      const back = () => cut.filter(({ connected }) => connected).length;
      // A login reads and writes the one key that its script declares, and does without the others.
      const allBack = await trial.until(() => keys === 'some' || back() === cut.length, LOGIN_MS);
      const loggedIn = `${back()} of ${cut.length} of their users who reconnected are logged in`;
      trial.mark(loggedIn);
      if (keys === 'none') trial.rule('users log in before any key has moved', allBack, loggedIn);
      others.judge(trial, `while slots are half migrated (${so})`);
      const calmNow = delayOfOthers(trial, 0.99, { codes, fromMs: calmToMs - CALM_MS, toMs: calmToMs });
      // A shared machine is not equally busy before each.
      calm = Math.max(calm, calmNow);
      trial.atMost(
        `p99 of other users (${so}; before: ${calm.toFixed(1)} ms)`,
        delayOfOthers(trial, 0.99, { codes, fromMs, toMs }),
        Math.round(calm * 2 + 20),
      );
      const waits = trial.journal.unavailableMs.slice(told);
      trial.atMost(
        `their users are served, or get unavailable, after, beyond the slowest of others (${so})`,
        Math.max(0, Math.max(0, ...waits) - others.slowestMs(trial)),
        ANSWER_MS,
      );
      for (const move of moves) await endMove(move, cluster);
      trial.mark('all moves are finished');
      const all = () => crowd.connected === crowd.clients.length;
      trial.rule(
        `all users are logged in again (${so})`,
        await trial.until(all, 10_000),
        `${crowd.connected}`,
      );
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

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
    others.judge(trial, 'while slots move');
    const calm = delayOfOthers(trial, 0.99, { codes, fromMs: fromMs - CALM_MS, toMs: fromMs });
    trial.atMost(
      `p99 of other users (before: ${calm.toFixed(1)} ms)`,
      delayOfOthers(trial, 0.99, { codes, fromMs, toMs }),
      Math.round(calm * 2 + 20),
    );
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
