import type { Scenario } from '../bench.ts';

export const rubbish: Scenario = {
  name: 'rubbish',
  row: 23,
  what: 'SCRIPT FLUSH, and rubbish published on the channels of mailboxes: no client notices',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 250);
    const opened = bench.journal.connections.length;
    bench.mark('scripts are flushed, rubbish is published');
    const rounds = bench.short ? 60 : 600;
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
      const { user } = bench.random.pick(crowd.clients);
      await rig.redis.call('SPUBLISH', `inbox:{${user.code}}`, bench.random.pick(pieces));
      await bench.sleep(50);
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
    const reconnects = bench.journal.connections.length - opened;
    bench.rule('no connection was lost', reconnects === 0, `${reconnects} new connections`);
    const errors = [...bench.journal.errors].map(([code, n]) => `${n} × ${code}`).join(', ');
    bench.rule('no error was told', errors === '', errors || 'none');
  },
};

export const connectionsKilled: Scenario = {
  name: 'connections-killed',
  row: 24,
  what: 'every connection to Redis killed every 100 ms',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 40 });
    await bench.warmUp(crowd, 400);
    bench.mark('every 100 ms all connections to Redis are killed');
    const rounds = bench.short ? 60 : 600;
    for (let round = 0; round < rounds; round += 1) {
      // The last confirmations are cut off too: nothing comes behind them that would confirm for them.
      if (round === rounds - 10) crowd.rest();
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await bench.sleep(100);
    }
    bench.mark('no more');
    await bench.heal();
  },
};

export const scriptsFlushed: Scenario = {
  name: 'scripts-flushed',
  row: 24,
  what: 'scripts flushed every 5 ms, one sender as fast as it can',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({ count: 12 });
    await bench.warmUp(crowd, 800);
    bench.mark('scripts are flushed every 5 ms');
    const endMs = performance.now() + (bench.short ? 6_000 : 60_000);
    while (performance.now() < endMs) {
      await rig.redis.call('SCRIPT', 'FLUSH');
      await bench.sleep(5);
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
    const errors = [...bench.journal.errors].map(([code, n]) => `${n} × ${code}`).join(', ');
    bench.rule('no error was told', errors === '', errors || 'none');
  },
};

export const nodeChange: Scenario = {
  name: 'node-change',
  row: 24,
  what: 'senders change node while the old one is stopped with envelopes that it has not stored',
  async run(bench) {
    const rig = await bench.rig({ nodes: 2, store: 'redis' });
    const crowd = await bench.crowd({
      count: 24,
      client: { silenceMs: 900, backoffMsMax: 100, attemptsMax: 32 },
      idlessShare: 0.5,
    });
    await bench.warmUp(crowd, 800);
    const rounds = bench.short ? 6 : 40;
    for (let round = 0; round < rounds; round += 1) {
      const node = rig.node(round % 2);
      bench.mark(`${node.name} is stopped`);
      node.pause();
      await bench.sleep(bench.random.integer(1_200, 2_200));
      node.resume();
      await bench.sleep(bench.random.integer(300, 1_200));
    }
    await bench.untilAccepted(bench.acceptedMin, 60_000);
    await bench.heal();
  },
};
