import { rmSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { type Tool, toolPath } from './install.ts';
import { ROOT } from './root.ts';
import { LOOPBACK, onFreePort } from './servers.ts';

/** Prometheus and its exporters on this machine, with the files of deploy/prometheus. Loopback only. */

export const MONITORING_TOOLS = [
  'prometheus',
  'prometheus-redis-exporter',
  'prometheus-blackbox-exporter',
  'prometheus-node-exporter',
] as const satisfies readonly Tool[];

const PROMETHEUS_FOLDER = join(ROOT, 'deploy/prometheus');

export interface MonitoringOptions {
  /** Of Prometheus; 0 takes a free one. */
  readonly port: number;
  readonly nodes: readonly { readonly adminPort: number }[];
  readonly redisUrl: string;
  readonly haproxyMetricsPort: number;
  /** What clients dial, as http(s). */
  readonly frontDoor: string;
  /** deploy/prometheus, unless a copy of it is to be run. */
  readonly configFolder?: string;
}

export interface Monitoring {
  readonly prometheus: Child;
  readonly blackbox: Child;
  readonly port: number;
  /** `<job>.yml`: what Prometheus scrapes, read again when it changes. */
  readonly targetsFolder: string;
  /** Stops everything and removes what it wrote. */
  stop(): Promise<void>;
}

/** Prometheus, with configuration and rules byte for byte (only targets/*.yml are written anew), and its exporters. */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { port, configFolder = PROMETHEUS_FOLDER, redisUrl } = options;
  const folder = await mkdtemp(join(tmpdir(), 'keyrelay-prometheus-'));
  // A parent that ends in a hurry still cleans up.
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const children: Child[] = [];
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop()));
    process.off('exit', remove);
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (server: Server): Promise<number> => {
    const started = await startServer(server);
    children.push(started.child);
    return started.port;
  };
  try {
    await cp(configFolder, folder, { recursive: true });
    const redisExporterPort = await start({
      tool: 'prometheus-redis-exporter',
      args: (listen) => [`-web.listen-address=${listen}`, `-redis.addr=${redisUrl}`],
    });
    const blackboxPort = await start({
      tool: 'prometheus-blackbox-exporter',
      args: (listen) => [`--config.file=${join(folder, 'blackbox.yml')}`, `--web.listen-address=${listen}`],
    });
    const blackbox = lastOf(children);
    const nodeExporterPort = await start({
      tool: 'prometheus-node-exporter',
      args: (listen) => [
        '--collector.disable-defaults',
        '--collector.filesystem',
        `--web.listen-address=${listen}`,
      ],
    });
    const targetsFolder = join(folder, 'targets');
    await writeTargets(targetsFolder, {
      ...options,
      redisExporterPort,
      blackboxPort,
      nodeExporterPort,
    });
    const prometheusPort = await start({
      tool: 'prometheus',
      port,
      args: (listen) => [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${listen}`,
      ],
      ready: /Server is ready to receive web requests/,
    });
    return { prometheus: lastOf(children), blackbox, port: prometheusPort, targetsFolder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function lastOf(children: readonly Child[]): Child {
  const child = children.at(-1);
  if (child === undefined) throw new Error('nothing was started');
  return child;
}

interface Server {
  readonly tool: Tool;
  /** A free one unless given. */
  readonly port?: number;
  readonly args: (listen: string) => readonly string[];
  readonly ready?: RegExp;
}

function startServer({ tool, port = 0, args, ...ready }: Server): ReturnType<typeof onFreePort> {
  const start = (port: number) =>
    Child.start({ command: toolPath(tool), args: args(`${LOOPBACK}:${port}`), env: process.env });
  return onFreePort({ port, start, ...ready });
}

/** Where everything listens is the only thing that differs from place to place. JSON is YAML. */
async function writeTargets(
  folder: string,
  where: MonitoringOptions & {
    readonly redisExporterPort: number;
    readonly blackboxPort: number;
    readonly nodeExporterPort: number;
  },
): Promise<void> {
  const at = (port: number) => `${LOOPBACK}:${port}`;
  const groups = {
    keyrelay: [{ targets: where.nodes.map(({ adminPort }) => at(adminPort)) }],
    redis: [{ targets: [at(where.redisExporterPort)] }],
    haproxy: [{ targets: [at(where.haproxyMetricsPort)] }],
    machines: [{ targets: [at(where.nodeExporterPort)] }],
    'front-door': [
      { targets: [at(where.blackboxPort)], labels: { __param_target: `${where.frontDoor}/ws` } },
    ],
  };
  for (const [name, group] of Object.entries(groups)) {
    await writeFile(join(folder, `${name}.yml`), `${JSON.stringify(group)}\n`);
  }
}
