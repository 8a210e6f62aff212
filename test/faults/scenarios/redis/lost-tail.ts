import { makeKeys, registerUser } from '../../../support/plain/users.ts';
import type { Crowd } from '../../clients/crowd.ts';
import { silentDevice } from '../../clients/silent-device.ts';
import type { Scenario, Trial } from '../../harness/trial.ts';
import { AofWatch } from '../../injectors/aof.ts';
import { aheadOfTheClock } from '../../injectors/mailboxes.ts';
import { normalAgain } from './redis-stopped.ts';

/** Between a write to the file and the answer to its client. */
const MARGIN_MS = 200;
/** Whose cursor the store does not know any more is closed with 1012, and asked to spread its return over 5 s. */
const NORMAL_WITHIN_MS = 8_000;
const CUT_BYTES_MAX = 64 * 1024;
/** So many for each on average: practically every mailbox gets some. */
const MORE_FOR_EACH = 15;

/** What was accepted within these times, a store that has lost its tail need not have. */
function excuse(trial: Trial, crowd: Crowd): { lost(sinceMs: number): void } {
  const times: { readonly fromMs: number; readonly toMs: number }[] = [];
  const idless = new Set(crowd.clients.filter(({ withIds }) => !withIds).map(({ user }) => user.code));
  trial.historyMayBeUndone = true;
  trial.mayLose = ({ sender, sentAtMs, settledAtMs }) =>
    settledAtMs !== null &&
    times.some(({ fromMs, toMs }) => {
      if (settledAtMs < fromMs) return false;
      // Without an `id` it counts as accepted only when a later one is, which may be after the loss.
      return settledAtMs <= toMs || (idless.has(sender) && sentAtMs <= toMs);
    });
  return {
    lost: (sinceMs) => times.push({ fromMs: sinceMs - MARGIN_MS, toMs: performance.now() }),
  };
}

export const lostTail: Scenario = {
  name: 'lost-tail',
  row: 5,
  what: 'Redis loses its tail: 1 byte to 64 KB cut off its file',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    // As an older master with a clock that was ahead left them: ids count up by one from there, so that a history
    // which is undone would give the same ids again but for their tags.
    await aheadOfTheClock(rig.redis, crowd);
    await trial.warmUp(crowd, 250);
    const aof = new AofWatch(rig.redis);
    const excuses = excuse(trial, crowd);
    const cuts = trial.short ? 4 : 40;
    for (let cut = 0; cut < cuts; cut += 1) {
      await trial.sleep(trial.random.integer(1_000, 2_000));
      await rig.redis.kill();
      // Answers that were on their way are heard by then, and nothing else is accepted meanwhile.
      await trial.sleep(MARGIN_MS);
      // As many small cuts as large ones.
      const bytes = Math.floor(CUT_BYTES_MAX ** trial.random.next());
      const kept = Math.max(0, aof.bytes - bytes);
      excuses.lost(aof.timeOf(kept));
      trial.mark(`${bytes} bytes of the tail are gone`);
      await aof.restartCut(kept);
      await normalAgain(trial, NORMAL_WITHIN_MS);
    }
    aof.stop();
    // A receipt that the last cut has undone is made good by the next one.
    const more = trial.journal.accepted + MORE_FOR_EACH * crowd.clients.length;
    await trial.untilAccepted(Math.max(trial.acceptedMin, more), 60_000);
    await trial.heal();
  },
};

export const oldSnapshot: Scenario = {
  name: 'old-snapshot',
  row: 5,
  what: 'Redis comes back with the data of some seconds ago',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const aof = new AofWatch(rig.redis);
    const excuses = excuse(trial, crowd);
    const rounds = trial.short ? 2 : 10;
    for (let round = 0; round < rounds; round += 1) {
      const takenAtMs = performance.now();
      const restore = aof.snapshot();
      await trial.sleep(trial.random.integer(2_000, 5_000));
      await rig.redis.kill();
      await trial.sleep(MARGIN_MS);
      excuses.lost(takenAtMs);
      trial.mark(`the last ${Math.round(performance.now() - takenAtMs)} ms are undone`);
      restore();
      await rig.redis.restart();
      await normalAgain(trial, NORMAL_WITHIN_MS);
    }
    aof.stop();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

const HOUR_MS = 3_600_000;

export const clockBehind: Scenario = {
  name: 'clock-behind',
  row: 22,
  what: 'Redis forgets the logins of some devices, and its clock is behind: who logs in then is not displaced by them',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 30, dial: () => rig.node(1).ws });
    await trial.warmUp(crowd, 200);
    const aof = new AofWatch(rig.redis);
    const excuses = excuse(trial, crowd);
    const owners = crowd.clients.filter(({ protocol }) => protocol === 1);
    for (let round = 0; round < (trial.short ? 2 : 10); round += 1) {
      for (const owner of owners) owner.stop();
      await trial.until(() => owners.every(({ connected }) => !connected), 5_000);
      const takenAtMs = performance.now();
      const restore = aof.snapshot();
      // As if the clock of this master were an hour ahead of the next one's.
      for (const { user } of owners)
        await rig.redis.call('HSET', `user:{${user.code}}`, 'epoch', Date.now() + HOUR_MS);
      const devices = await Promise.all(owners.map(({ user }) => silentDevice(rig.node(0).ws, user)));
      rig.node(0).pause();
      await rig.redis.kill();
      await trial.sleep(MARGIN_MS);
      excuses.lost(takenAtMs);
      trial.mark('the logins on node-1, which is stopped, are forgotten; the users log in on node-2');
      restore();
      await rig.redis.restart();
      for (const owner of owners) owner.start();
      await trial.until(() => crowd.connected === crowd.clients.length, 15_000);
      await trial.sleep(1_000);
      const connections = owners.map(({ connection }) => connection?.connection);
      rig.node(0).resume();
      trial.mark('node-1 goes on');
      const closed = await trial.until(() => devices.every((device) => device.closed !== null), 10_000);
      const codes = new Set(devices.map((device) => device.closed?.code));
      trial.rule(
        `forgotten devices are closed (${round + 1})`,
        closed && codes.has(4409) && codes.size === 1,
        [...codes].join(' '),
      );
      const kept = owners.every(({ connection }, index) => connection?.connection === connections[index]);
      trial.rule(`the newer devices stay (${round + 1})`, kept, `${owners.length} users`);
      for (const device of devices) device.ws.terminate();
    }
    aof.stop();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};

/** Sessions look into their mailboxes every 30 to 40 s. */
const CLOSED_WITHIN_MS = 45_000;

export const flushAll: Scenario = {
  name: 'flush-all',
  row: 5,
  what: 'FLUSHALL: all users are unknown, and sent to register again',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const lost = await trial.crowd({ count: 20 });
    await trial.warmUp(lost, 250);
    await trial.untilAccepted(600, 20_000);
    lost.rest();
    await trial.until(() => trial.journal.missing === 0, 5_000);
    trial.mark('FLUSHALL');
    const flushedAtMs = performance.now();
    await rig.redis.call('FLUSHALL');
    const closed = await trial.until(
      () => lost.clients.every(({ staysAway }) => staysAway === 4401),
      CLOSED_WITHIN_MS,
    );
    const away = lost.clients.filter(({ staysAway }) => staysAway === 4401).length;
    trial.rule('every client is sent to register again', closed, `${away} of ${lost.clients.length}`);
    trial.atMost('all closed after', performance.now() - flushedAtMs, CLOSED_WITHIN_MS);
    const again = await registerUser(rig.node(0).http, { keys: lost.clients[0]?.user ?? makeKeys() });
    trial.rule('the same keys can register again', again.code !== '', again.code);
    lost.leave();
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    await trial.untilAccepted(trial.acceptedMin + 600, 60_000);
    await trial.heal();
  },
};
