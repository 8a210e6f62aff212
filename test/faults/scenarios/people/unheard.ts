import type { SentEnvelope } from '../../checker/history.ts';
import { OPERATED, operate } from '../../clients/operator.ts';
import type { RecordingClient } from '../../clients/recording-client.ts';
import { ROOMY_MAILBOXES } from '../../harness/rig.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';

/** A sender and the one who does not hear it for a while. */
interface Window {
  readonly from: string | null;
  readonly to: string;
  /** When it was asked for, and done. */
  readonly begins: { readonly askedMs: number; readonly doneMs: number };
  ends: { askedMs: number; doneMs: number };
}

const LASTS_MS = 600;
const WAITS_MS = 2_000;
const ALWAYS = { askedMs: Number.POSITIVE_INFINITY, doneMs: Number.POSITIVE_INFINITY };

/** What was on its way while the window was open may be dropped; what was sent and answered within it must be. */
function inWindow(windows: readonly Window[], envelope: SentEnvelope, how: 'perhaps' | 'surely'): boolean {
  const { sender, recipient, sentAtMs, settledAtMs } = envelope;
  const settledMs = settledAtMs ?? Number.POSITIVE_INFINITY;
  return windows.some(({ from, to, begins, ends }) => {
    if (to !== recipient || (from !== null && from !== sender)) return false;
    return how === 'perhaps'
      ? settledMs > begins.askedMs && sentAtMs < ends.doneMs
      : sentAtMs > begins.doneMs && settledMs < ends.askedMs;
  });
}

function otherThan(clients: readonly RecordingClient[], not: RecordingClient): RecordingClient {
  const other = clients.find((client) => client !== not && client.withIds);
  if (other === undefined) throw new Error('a crowd has more than one client');
  return other;
}

/** Envelopes to one user, as fast as they are answered, until the function that it returns is called. */
function pour(trial: Trial, sender: RecordingClient, to: string): () => void {
  const timer = setInterval(() => {
    if (sender.sendQueue.queued < 8) sender.send(to, trial.random.integer(0, 200));
  }, 5);
  return () => clearInterval(timer);
}

export const blocking: Scenario = {
  name: 'blocking',
  row: 36,
  what: 'users block and unblock senders whose envelopes are in flight, while nodes are killed -9',
  async run(trial) {
    const rig = await trial.rig({ nodes: 3, store: 'redis', settings: ROOMY_MAILBOXES });
    const crowd = await trial.crowd({ count: 24, idlessShare: 0 });
    const { journal } = trial;
    const windows: Window[] = [];
    trial.mayLose = (envelope) => inWindow(windows, envelope, 'perhaps');
    await trial.warmUp(crowd, 150);
    const done = async (client: RecordingClient, verb: string, code: string) => {
      const askedMs = performance.now();
      // A command whose answer is lost with its node is sent again, as any client does.
      await trial.until(() => client.command(verb, { code }), 20_000);
      return { askedMs, doneMs: performance.now() };
    };
    for (let round = 0; round < (trial.short ? 8 : 40); round += 1) {
      const blocker = trial.random.pick(crowd.clients.filter(({ protocol }) => protocol === 2));
      const sender = otherThan(crowd.clients, blocker);
      const stop = pour(trial, sender, blocker.user.code);
      await trial.sleep(200);
      const node = round % 4 === 3 ? trial.random.pick(rig.nodes) : null;
      const killed = node?.kill();
      const begins = await done(blocker, 'block', sender.user.code);
      const window: Window = { from: sender.user.code, to: blocker.user.code, begins, ends: ALWAYS };
      windows.push(window);
      await trial.sleep(LASTS_MS);
      window.ends = await done(blocker, 'unblock', sender.user.code);
      await trial.sleep(100);
      stop();
      await killed;
      if (node !== null) await node.start();
      trial.mark(
        `${blocker.user.code} blocked ${sender.user.code} for a while${node === null ? '' : `, and ${node.id} was killed`}`,
      );
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const surely = journal.sent.filter((envelope) => inWindow(windows, envelope, 'surely'));
    const arrived = surely.filter((envelope) => envelope.arrived);
    trial.rule(
      'what blocked senders sent was dropped',
      surely.length > 50 && arrived.length === 0,
      `${arrived.length} of ${surely.length} arrived`,
    );
    const refused = journal.sent.filter(({ outcome }) => outcome === 'refused');
    trial.rule('and accepted, as ever', refused.length === 0, `${refused.length} refused`);
  },
};

export const banning: Scenario = {
  name: 'banning',
  row: 36,
  what: 'an operator bans and unbans users whose envelopes are in flight, both ways',
  async run(trial) {
    const rig = await trial.rig({ nodes: 3, store: 'redis', settings: { ...OPERATED, ...ROOMY_MAILBOXES } });
    const crowd = await trial.crowd({ count: 24, idlessShare: 0 });
    const { journal } = trial;
    const windows: Window[] = [];
    await trial.warmUp(crowd, 150);
    let [closed, came] = [0, 0];
    const rounds = trial.short ? 8 : 40;
    let slowestMs = 0;
    for (let round = 0; round < rounds; round += 1) {
      const banned = trial.random.pick(crowd.clients);
      const { code } = banned.user;
      const other = otherThan(crowd.clients, banned);
      const stops = [pour(trial, other, code), pour(trial, banned, other.user.code)];
      await trial.sleep(200);
      const ban = async (method: string) => {
        const askedMs = performance.now();
        const path = `/v1/users/${code}/ban?reason=test`;
        await operate(
          trial.random.pick(rig.nodes),
          method,
          path,
          method === 'PUT' ? { for_s: 600 } : undefined,
        );
        return { askedMs, doneMs: performance.now() };
      };
      const { connection } = banned;
      const begins = await ban('PUT');
      const window: Window = { from: null, to: code, begins, ends: ALWAYS };
      windows.push(window);
      if (await trial.until(() => !banned.connected, 5_000)) closed += Number(connection?.closeCode === 4403);
      slowestMs = Math.max(slowestMs, performance.now() - begins.doneMs);
      const closedMs = performance.now();
      await trial.sleep(LASTS_MS);
      came += journal.arrivals.filter(({ receiver, atMs }) => receiver === code && atMs > closedMs).length;
      window.ends = await ban('DELETE');
      banned.start();
      await trial.until(() => banned.connected, 10_000);
      for (const stop of stops) stop();
      trial.mark(`${code} was banned for a while`);
    }
    trial.rule(
      'every session of a banned user is closed with 4403',
      closed === rounds,
      `${closed} of ${rounds}`,
    );
    trial.atMost('closed after', slowestMs, 1_000);
    trial.rule('a banned user receives nothing', came === 0, `${came}`);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    // All that was accepted before the ban was kept, and arrives.
    await trial.heal();
    const kept = journal.sent.filter((envelope) => inWindow(windows, envelope, 'surely'));
    const refused = journal.sent.filter(({ outcome }) => outcome === 'refused');
    // The journal does not know when: what was on its way when the ban began waited for less than this.
    const early = refused.filter(
      ({ recipient, sentAtMs }) =>
        !windows.some(
          ({ to, begins, ends }) =>
            to === recipient && sentAtMs > begins.askedMs - WAITS_MS && sentAtMs < ends.doneMs,
        ),
    );
    trial.rule('nothing is accepted for a banned user', kept.length === 0, `${kept.length}`);
    trial.rule(
      'all of it is refused, and nothing else',
      refused.length > 50 && early.length === 0,
      `${refused.length} refused, ${early.length} without a ban`,
    );
    const codes = [...journal.errors.keys()].filter(
      (each) => !['recipient_unknown', 'unavailable'].includes(each),
    );
    trial.rule(
      'as recipient_unknown',
      codes.every((each) => each === 'banned'),
      codes.join(' ') || 'always',
    );
  },
};
