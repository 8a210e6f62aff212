import type { Scenario } from '../../harness/trial.ts';

export const unexpectedMessages: Scenario = {
  name: 'unexpected-messages',
  row: 23,
  what: 'SCRIPT FLUSH, and unexpected messages published on the channels of mailboxes: no client notices',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 250);
    const opened = trial.journal.connections.length;
    trial.mark('scripts are flushed, unexpected messages are published');
    const rounds = trial.short ? 60 : 600;
    const pieces = [
      '',
      'w',
      'c',
      'w0-0 0-0\n',
      'w9999999999999999-1 0-0\nnonsense',
      'c'.repeat(70_000),
      '\u0000\uffff',
      'w1-1',
      'x',
    ];
    for (let round = 0; round < rounds; round += 1) {
      if (round % 10 === 0) await rig.redis.call('SCRIPT', 'FLUSH');
      const { user } = trial.random.pick(crowd.clients);
      await rig.redis.call('SPUBLISH', `inbox:{${user.code}}`, trial.random.pick(pieces));
      await trial.sleep(50);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const reconnects = trial.journal.connections.length - opened;
    trial.rule('no connection was lost', reconnects === 0, `${reconnects} new connections`);
    const errors = [...trial.journal.errors].map(([code, n]) => `${n} × ${code}`).join(', ');
    trial.rule('no client gets an error', errors === '', errors || 'none');
  },
};

export const connectionsKilled: Scenario = {
  name: 'connections-killed',
  row: 24,
  what: 'every connection to Redis killed every 100 ms',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 40 });
    await trial.warmUp(crowd, 400);
    trial.mark('every 100 ms all connections to Redis are killed');
    const rounds = trial.short ? 60 : 600;
    for (let round = 0; round < rounds; round += 1) {
      // The last confirmations are cut off too: nothing comes behind them that would confirm for them.
      if (round === rounds - 10) crowd.rest();
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await trial.sleep(100);
    }
    trial.mark('no more');
    await trial.heal();
  },
};

export const scriptsFlushed: Scenario = {
  name: 'scripts-flushed',
  row: 24,
  what: 'scripts flushed every 5 ms, one sender as fast as it can',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({ count: 12 });
    await trial.warmUp(crowd, 800);
    trial.mark('scripts are flushed every 5 ms');
    const endMs = performance.now() + (trial.short ? 6_000 : 60_000);
    while (performance.now() < endMs) {
      await rig.redis.call('SCRIPT', 'FLUSH');
      await trial.sleep(5);
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    const errors = [...trial.journal.errors].map(([code, n]) => `${n} × ${code}`).join(', ');
    trial.rule('no client gets an error', errors === '', errors || 'none');
  },
};

export const nodeChange: Scenario = {
  name: 'node-change',
  row: 24,
  what: 'senders change node while the old one is stopped with envelopes that it has not stored',
  async run(trial) {
    const rig = await trial.rig({ nodes: 2, store: 'redis' });
    const crowd = await trial.crowd({
      count: 24,
      client: { silenceMs: 900, backoffMsMax: 100, attemptsMax: 32 },
      idlessShare: 0.5,
    });
    await trial.warmUp(crowd, 800);
    const rounds = trial.short ? 6 : 40;
    for (let round = 0; round < rounds; round += 1) {
      const node = rig.node(round % 2);
      trial.mark(`${node.id} is stopped`);
      node.pause();
      await trial.sleep(trial.random.integer(1_200, 2_200));
      node.resume();
      await trial.sleep(trial.random.integer(300, 1_200));
    }
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
  },
};
