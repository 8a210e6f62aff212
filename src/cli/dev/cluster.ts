import { loadConfig } from '../../ops/settings/config.ts';
import { EXIT, parse } from '../command.ts';
import { stopSignal } from '../signals.ts';
import { ensureInstalled } from './install.ts';
import { MONITORING_TOOLS, startMonitoring } from './monitoring.ts';
import {
  assertFree,
  freePort,
  type HaproxyServer,
  type NodeServer,
  type Settings,
  startHaproxy,
  startNode,
  startRedis,
} from './servers.ts';

type Nodes = readonly [NodeServer, NodeServer, NodeServer];

/** What must be stopped at the end, in the order of starting. */
type Stops = (() => Promise<unknown>)[];

/** A whole cluster on this machine, for looking and trying: Redis, three nodes, HAProxy with the file of deploy/. */
export async function run(args: readonly string[]): Promise<number> {
  const { prometheus: monitored = false } = parse(args, { prometheus: { type: 'boolean' } });
  const config = loadConfig(process.env);
  const interrupted = stopSignal(() => say('ending at once'), true).then(() => EXIT.ok);
  ensureInstalled(['redis-server', 'haproxy', ...(monitored ? MONITORING_TOOLS : [])], say);
  const port = config.port === 0 ? await freePort() : config.port;
  await assertFree(port);
  const stops: Stops = [];
  const broken = runUntilBroken({ port, monitored, stops });
  const exitCode = await Promise.race([interrupted, broken]).catch(async (error) => {
    await stopAll(stops);
    throw error;
  });
  say('\nstopping …');
  await stopAll(stops);
  say('everything is stopped, and what it wrote is removed');
  return exitCode;
}

async function stopAll(stops: Stops): Promise<void> {
  for (const stop of stops.toReversed()) await stop();
}

/** Resolves when Redis or HAProxy has ended by itself; a node may. */
async function runUntilBroken(options: {
  readonly port: number;
  readonly monitored: boolean;
  readonly stops: Stops;
}): Promise<number> {
  const { port, monitored, stops } = options;
  say('1/3 Redis …');
  const redis = await startRedis();
  stops.push(() => redis.stop());
  say(`    redis-server on ${redis.url}, pid ${redis.child.pid}; append-only file, fsync every second`);
  say('2/3 three nodes …');
  const settings = { ...nodeSettings(port), RELAY_REDIS_URL: redis.url };
  const nodes = await startNodes(settings);
  stops.push(() => Promise.all(nodes.map(({ child }) => child.stop())));
  say('3/3 HAProxy …');
  const metricsPort = await freePort();
  const haproxy = await startHaproxy({ port, nodes, metricsPort });
  stops.push(() => haproxy.child.stop());
  if (monitored) {
    say('and Prometheus, with its exporters of Redis and of the front door …');
    const frontDoor = `http://127.0.0.1:${haproxy.port}`;
    const where = { nodes, redisUrl: redis.url, haproxyMetricsPort: metricsPort, frontDoor };
    const monitoring = await startMonitoring({ port: 0, ...where });
    stops.push(() => monitoring.stop());
    say(`    Prometheus: http://127.0.0.1:${monitoring.port}/alerts`);
  }
  say(ready(haproxy, nodes));
  for (const { child, id } of nodes) {
    void child.exited().then((how) => say(`${id} has ended: ${how}`));
  }
  const broken = await Promise.race([
    redis.child.exited().then((how) => `Redis has ended: ${how}`),
    haproxy.child.exited().then((how) => `HAProxy has ended: ${how}`),
  ]);
  say(broken);
  return EXIT.failed;
}

function startNodes(settings: Settings): Promise<Nodes> {
  const start = async (id: string): Promise<NodeServer> => {
    const node = await startNode({ ...settings, RELAY_NODE_ID: id });
    say(`    ${id}: pid ${node.child.pid}, clients on port ${node.port}, metrics on ${node.adminPort}`);
    return node;
  };
  return Promise.all([start('node-1'), start('node-2'), start('node-3')] as const);
}

/** The settings of the environment, and what this cluster needs on top of them. */
function nodeSettings(port: number): Settings {
  const given = Object.entries(process.env).flatMap(([name, value]) =>
    name.startsWith('RELAY_') && value !== undefined ? [[name, value] as const] : [],
  );
  return {
    RELAY_DRAIN_MS: '1000',
    RELAY_PUBLIC_URL: `ws://127.0.0.1:${port}/ws,ws://localhost:${port}/ws`,
    ...Object.fromEntries(given),
    RELAY_HOST: '127.0.0.1',
    RELAY_PORT: '0',
    RELAY_ADMIN_PORT: '0',
    RELAY_TRUSTED_PROXIES: '127.0.0.1',
  };
}

function ready(haproxy: HaproxyServer, [first]: Nodes): string {
  return `
The cluster stands: http://127.0.0.1:${haproxy.port}/ (clients dial ws://127.0.0.1:${haproxy.port}/ws)

Try, in another terminal:
  npm run demo                     Alice and Bob, on different nodes
  ${`kill -9 ${first.child.pid}`.padEnd(33)}a node dies; nothing that was accepted is lost
  curl -s http://127.0.0.1:${first.adminPort}/metrics | grep ^keyrelay

Ctrl-C stops everything and removes what it wrote.
`;
}

function say(line: string): void {
  console.log(line);
}
