import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../engine/engine.ts';
import { createMemoryEngine } from '../../engine/memory/engine.ts';
import { createRedisEngine } from '../../engine/redis/engine.ts';
import { type Admin, startAdmin } from '../../ops/admin.ts';
import { type Config, loadConfig } from '../../ops/config.ts';
import { createLog, type Logger } from '../../ops/log.ts';
import { createMetrics, type Metrics } from '../../ops/metrics.ts';
import { readVersion } from '../../ops/version.ts';
import { createRelay, type Relay } from '../../relay/relay.ts';
import { EXIT, parse } from '../command.ts';
import { stopSignal } from '../signals.ts';
import { observeEngine } from './engine-observer.ts';
import { warnings, welcome } from './welcome.ts';
import { isWorker, joinParent, runWorkers, workerCount } from './workers.ts';

/** Where `npm run build` puts the page. */
const PAGE_FOLDER = fileURLToPath(new URL('../../web', import.meta.url));

interface Started {
  readonly engine: Engine;
  readonly relay: Relay;
  readonly admin: Admin;
  readonly hasPage: boolean;
}

/** Runs a node until a signal asks it to stop. */
export async function run(args: readonly string[]): Promise<number> {
  const { workers } = parse(args, { workers: { type: 'string' } });
  if (workers !== undefined) return runWorkers(workerCount(workers));
  const config = loadConfig(process.env);
  const log = createLog(config);
  endOnUnforeseen(log);
  const tls = config.tlsCert !== '';
  const signalled = stopSignal(() => log.warn('second signal: ending at once'), !tls);
  // Until there is something to reload, it must not end the process.
  let reload = (): void => undefined;
  if (tls) process.on('SIGHUP', () => reload());
  // Heard from the first moment on: as the first process of a container, a node would otherwise be deaf to it.
  const node = await Promise.race([start(config, log), signalled.then(() => null)]);
  if (node === null) return EXIT.ok;
  reload = () => reloadCertificate(node.relay, log);
  announce(config, log, node);
  joinParent();

  const signal = await signalled;
  log.info('draining', { signal, durationMs: config.drainMs });
  await node.relay.drain({ portIsShared: isWorker() });
  node.relay.close();
  await node.engine.close();
  await node.admin.close();
  log.info('stopped', { signal });
  return EXIT.ok;
}

/** The composition root: settings → log → metrics → engine → relay → admin. */
async function start(config: Config, log: Logger): Promise<Started> {
  const metrics = createMetrics();
  const engine = createEngine({ config, metrics, log });
  await engine.start();
  const hasPage = config.web && existsSync(PAGE_FOLDER);
  const pageFolder = hasPage ? PAGE_FOLDER : null;
  const relay = await createRelay({ config, engine, log, metrics, pageFolder });
  const { adminHost: host, adminPort: port } = config;
  const admin = await startAdmin({ host, port, health: () => relay.health(), metrics, log });
  metrics.buildInfo.of(readVersion(), process.versions.node, relay.uwsBuild).set(1);
  return { engine, relay, admin, hasPage };
}

function reloadCertificate(relay: Relay, log: Logger): void {
  relay.reloadCertificate().then(
    () => log.info('certificate read again: new connections get it'),
    (error: unknown) => log.error('certificate not read again: the old one stays', { error }),
  );
}

function announce(config: Config, log: Logger, { relay, admin, hasPage }: Started): void {
  log.info('listening', {
    host: config.host,
    port: relay.port,
    adminPort: admin.port,
    engine: config.redisUrls.length > 0 ? 'redis' : 'memory',
    library: relay.uwsBuild,
    version: readVersion(),
  });
  for (const { event, reason } of warnings(config)) log.warn(event, { reason });
  process.stderr.write(welcome({ config, port: relay.port, adminPort: admin.port, page: hasPage }));
}

function createEngine(parts: { config: Config; metrics: Metrics; log: Logger }): Engine {
  const { config } = parts;
  const { redisUrls, nodeId, redisWaitReplicas } = config;
  if (redisUrls.length === 0) return createMemoryEngine({ limits: config });
  const observer = observeEngine(parts);
  return createRedisEngine({
    urls: redisUrls,
    nodeId,
    limits: config,
    waitReplicas: redisWaitReplicas,
    observer,
  });
}

/** A node in a state that nobody thought of is worth less than a new one. Node's own report would print too much. */
function endOnUnforeseen(log: Logger): void {
  const end = (error: unknown) => {
    log.error('unforeseen: ending', { error });
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
