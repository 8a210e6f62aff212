import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needs } from '../../harness/needs.ts';
import type { Scenario } from '../../harness/trial.ts';
import { aheadOfTheClock, moveAhead } from '../../injectors/mailboxes.ts';

/** Debian's, by machine. */
const LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;
const HOUR_S = 3_600;

export const clocks: Scenario = {
  name: 'clocks',
  row: 22,
  what: 'the clock of one node an hour off, jumping; ids of mailboxes an hour ahead of the clock of Redis',
  async run(trial) {
    needs('faketime');
    const file = join(trial.folder(), 'faketime');
    const setClock = (offsetS: number) => writeFileSync(file, `${offsetS >= 0 ? '+' : ''}${offsetS}s\n`);
    setClock(0);
    const skewed = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // Deadlines are by the monotonic clock, which no step moves.
      DONT_FAKE_MONOTONIC: '1',
    };
    const rig = await trial.rig({
      nodes: 2,
      store: 'redis',
      settingsOf: (index) => (index === 0 ? skewed : {}),
    });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const opened = trial.journal.connections.length;
    for (const offset of [HOUR_S, -HOUR_S, 60, -60, 0]) {
      trial.mark(`the clock of node-1 is set to ${offset} s`);
      setClock(offset);
      await trial.sleep(trial.short ? 1_500 : 10_000);
    }
    // A new master whose clock is behind the old one's finds mailboxes whose last id is in its future.
    crowd.rest();
    await trial.until(() => trial.journal.missing === 0, 5_000);
    await trial.sleep(500);
    trial.mark('the mailboxes are an hour ahead of Redis');
    await aheadOfTheClock(rig.redis, crowd);
    crowd.write(250);
    await trial.sleep(trial.short ? 2_000 : 10_000);
    // The same where envelopes wait: what comes now must not be behind them.
    crowd.rest();
    await trial.until(() => trial.journal.missing === 0, 5_000);
    // Receipts take effect: an envelope that has arrived and then comes under the id that we give it seems stored twice.
    await trial.sleep(1_000);
    const away = crowd.clients.slice(0, 10);
    const present = crowd.clients.filter((client) => !away.includes(client));
    for (const client of away) client.stop();
    await trial.until(() => away.every(({ connected }) => !connected), 5_000);
    crowd.write(250, present);
    await trial.sleep(1_000);
    crowd.rest();
    await trial.until(
      () => crowd.clients.every((client) => away.includes(client) || client.sendQueue.queued === 0),
      5_000,
    );
    await trial.sleep(500);
    let moved = 0;
    for (const { user } of away) moved += await moveAhead(rig.redis, user.code);
    trial.mark(`${moved} envelopes wait an hour ahead of Redis`);
    trial.rule('some wait an hour ahead', moved > 0, `${moved}`);
    const errorsBefore = trial.journal.errors.size;
    crowd.write(250, present);
    await trial.sleep(2_000);
    const errors = [...trial.journal.errors.keys()].join(' ');
    trial.rule(
      'more is stored behind them',
      trial.journal.errors.size === errorsBefore,
      errors || 'no errors',
    );
    for (const client of away) client.start();
    // What waits for absent users gets ids that go on from there.
    for (const client of crowd.clients) if (trial.random.next() < 0.5) client.cut();
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const lost = trial.journal.connections.length - opened;
    trial.rule(
      'no connection was lost to a clock',
      lost <= crowd.clients.length,
      `${lost} new connections, half of the crowd cut`,
    );
  },
};
