/**
 * How many connections, how fast, and what each costs: holds them, cuts them, lets them all come back, lets them
 * talk, and replays a backlog. Prints a table, writes .cache/scale/report.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureVerify } from '../bench/verify-cost.ts';
import { Fleet, type Usage } from './fleet.ts';
import { replay } from './replay.ts';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    connections: { type: 'string', default: '10000' },
    nodes: { type: 'string', default: '2' },
    /** How long the connections are held with nobody sending. */
    hold: { type: 'string', default: '30' },
    talk: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    backlog: { type: 'string', default: '20000' },
    protocol: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '100' },
  },
});
const connections = Number(values.connections);
const protocol = values.protocol === '2' ? 2 : 1;
const rows: { what: string; figure: string }[] = [];
const figures: Record<string, number> = {};
const loadAverage = loadavg()[0] ?? 0;
const verifyUs = measureVerify(200);
const fleet = await Fleet.start({ connections, nodesMin: Number(values.nodes) });
try {
  await run();
} finally {
  await fleet.stop();
}
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, Node ${process.versions.node}`;
const folder = resolve('.cache/scale');
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'report.json'),
  JSON.stringify({ machine, loadAverage, settings: values, verifyUs, figures }, null, 2),
);
console.log(`\n${machine}, load average ${loadAverage.toFixed(1)}; one verify ${verifyUs.toFixed(1)} µs`);
console.log(
  `${connections} connections, ${fleet.nodes.length} nodes, one Redis, ${fleet.clients} client processes`,
);
console.table(rows);
console.log('The same as JSON: .cache/scale/report.json');

async function run(): Promise<void> {
  await fleet.ask((index) => ({
    do: 'register',
    users: Math.ceil((connections - index) / fleet.clients),
    urls: fleet.urls,
    localAddress: `127.0.0.${index + 2}`,
    protocol,
  }));
  await fleet.collect();
  const empty = fleet.usage();

  tell('memory of one node before anybody connects', empty.nodesBytes / fleet.nodes.length / 1e6, 'MB');

  const connecting = await connect();
  tell('connects per second, all together', connecting.perSecond, '');
  tell('node time for one connect', connecting.nodeUs, 'µs', 1);
  tell('Redis time for one connect', connecting.redisUs, 'µs', 1);
  tell('connects per second and core of a node', 1e6 / connecting.nodeUs, '');

  await fleet.collect();
  const held = fleet.usage();
  tell('node memory for one idle connection', (held.nodesBytes - empty.nodesBytes) / connections, 'B');
  tell('Redis memory for one idle connection', (held.redisBytes - empty.redisBytes) / connections, 'B');

  const holdS = Number(values.hold);
  await new Promise((done) => setTimeout(done, holdS * 1000));
  const idle = since(held);
  tell('nodes and Redis while nobody sends', (idle.nodesUs + idle.redisUs) / holdS / 1e4, '% of a core', 1);

  const before = fleet.usage();
  const talkS = Number(values.talk);
  const talked = await fleet.ask(() => ({
    do: 'talk',
    perSecond: Number(values.rate) / fleet.clients,
    seconds: talkS,
  }));
  const talking = since(before);
  const sum = (of: 'sent' | 'received' | 'closed') =>
    talked.reduce((total, reply) => total + (reply.done === 'talk' ? reply[of] : 0), 0);
  const closed = sum('closed');
  tell('connections lost while held', closed, '');
  tell('envelopes sent while held', sum('sent'), '');
  tell('of these not received', sum('sent') - sum('received'), '');
  tell('nodes for one envelope', talking.nodesUs / sum('received'), 'µs', 1);
  tell('Redis for one envelope', talking.redisUs / sum('received'), 'µs', 1);
  await fleet.collect();
  const busy = fleet.usage();
  tell(
    'node memory for one connection that has talked',
    (busy.nodesBytes - empty.nodesBytes) / connections,
    'B',
  );

  await fleet.ask(() => ({ do: 'cut' }));
  const back = await connect();
  tell('all cut at once, all back after', back.seconds, 's', 2);
  tell('reconnects per second, all together', back.perSecond, '');
  for (const each of [1, 2] as const) {
    const replayed = await replay({ urls: fleet.urls, protocol: each, envelopes: Number(values.backlog) });
    tell(`backlog to one client, protocol ${each}`, replayed.perSecond, '/s');
  }
  if (closed > 0 || sum('sent') !== sum('received')) process.exitCode = 1;
}

async function connect(): Promise<{ seconds: number; perSecond: number; nodeUs: number; redisUs: number }> {
  const before = fleet.usage();
  const startedMs = performance.now();
  const atOnce = Math.ceil(Number(values['at-once']) / fleet.clients);
  const replies = await fleet.ask(() => ({ do: 'connect', atOnce }));
  const seconds = (performance.now() - startedMs) / 1000;
  const used = since(before);
  const open = replies.reduce((total, reply) => total + (reply.done === 'connect' ? reply.open : 0), 0);
  const failed = replies.flatMap((reply) => (reply.done === 'connect' ? reply.failed : []));
  if (open !== connections) throw new Error(`${open} of ${connections} are connected: ${failed[0]}`);
  if (failed.length > 0)
    console.log(`${failed.length} logins had to be tried again, the first because: ${failed[0]}`);
  return { seconds, perSecond: open / seconds, nodeUs: used.nodesUs / open, redisUs: used.redisUs / open };
}

function since(before: Usage): Pick<Usage, 'nodesUs' | 'redisUs'> {
  const after = fleet.usage();
  return { nodesUs: after.nodesUs - before.nodesUs, redisUs: after.redisUs - before.redisUs };
}

function tell(what: string, figure: number, unit: string, digits = 0): void {
  figures[what] = figure;
  rows.push({ what, figure: `${figure.toFixed(digits)} ${unit}`.trim() });
  console.log(`${what}: ${figure.toFixed(digits)} ${unit}`);
}
