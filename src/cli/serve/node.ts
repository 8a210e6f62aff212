import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createAdminApi } from '../../admin/api.ts';
import { awsLcProblem, verifier } from '../../crypto/verifier.ts';
import { type Engine, EngineUnavailable } from '../../engine/engine.ts';
import { type Admin, type AdminApi, type Health, startAdmin } from '../../ops/admin.ts';
import { createLog, type Logger } from '../../ops/log/log.ts';
import { createMetrics, type Metrics } from '../../ops/metrics/metrics.ts';
import { type Config, idleTtlMs } from '../../ops/settings/config.ts';
import { ConfigError } from '../../ops/settings/config-error.ts';
import { LiveSettings } from '../../ops/settings/live-settings.ts';
import { readVersion } from '../../ops/version.ts';
import { createRelay, type Relay } from '../../relay/relay.ts';
import { EXIT } from '../command.ts';
import { hangUp, stopSignal } from '../signals.ts';
import { observeEngine } from './engine-observer.ts';
import { startTracing, type Tracing, unsupportedTraces, wantsTraces } from './open-telemetry.ts';
import { Orders } from './orders.ts';
import { tracedEngine } from './traced-engine.ts';
import { isWildcard, warnings, welcome } from './welcome.ts';
import { isWorker, joinParent } from './workers.ts';

/** Where `npm run build` puts the page. */
const PAGE_FOLDER = fileURLToPath(new URL('../../web', import.meta.url));

interface Started {
  readonly engine: Engine;
  readonly relay: Relay;
  readonly admin: Admin;
  /** Null unless traces are wanted. */
  readonly tracing: Tracing | null;
  readonly hasPage: boolean;
  readonly orders: Orders;
  /** Resolves when an operator asks this node to drain. */
  readonly toldToDrain: Promise<'drain'>;
}

/** Between two tries to start while Redis is away. */
const START_RETRY_MS = 500;

/** Runs a node until a signal asks it to stop. */
export async function runNode(): Promise<number> {
  // From the first moment on: the first process of a container otherwise ignores signals, and SIGHUP would end it.
  let reload = (): void => undefined;
  const hungUp = hangUp(() => reload());
  const live = new LiveSettings(process.env);
  const { config } = live;
  const unsupported = wantsTraces(process.env) ? unsupportedTraces(process.env) : null;
  if (unsupported !== null) throw new ConfigError([unsupported]);
  const log = createLog(config);
  endOnUnforeseen(log);
  const asked = stopSignal(() => log.warn('second signal: ending at once'));
  const signalled = Promise.race([asked, hungUp]);
  const node = await Promise.race([start(live, log), signalled.then(() => null)]);
  if (node === null) return EXIT.ok;
  reload = () => readAgain(live, node.relay, log);
  announce(config, log, node);
  joinParent();

  const signal = await Promise.race([signalled, node.toldToDrain]);
  node.orders.stop();
  log.info('draining', { signal, durationMs: config.drainMs });
  await node.relay.drain({ portIsShared: isWorker() });
  node.relay.close();
  await node.engine.close();
  await node.admin.close();
  await node.tracing?.close();
  log.info('stopped', { signal });
  return EXIT.ok;
}

/** The composition root: settings → log → metrics → engine, traced if that is wanted → relay → admin. */
async function start(live: LiveSettings, log: Logger): Promise<Started> {
  const { config } = live;
  const metrics = createMetrics();
  let listening: number | null = null;
  const plainEngine = await createEngine({ config, metrics, log, port: () => listening });
  const { nodeId } = config;
  const tracing = wantsTraces(process.env)
    ? await startTracing({ nodeId, version: readVersion(), log })
    : null;
  const engine = tracing === null ? plainEngine : tracedEngine(plainEngine, tracing);
  let health = (): Health => ({ ready: false, reason: 'starting' });
  const { adminHost: host, adminPort: port, adminToken: token } = config;
  let api: AdminApi | null = null;
  const admin = await startAdmin({ host, port, health: () => health(), metrics, log, token, api: () => api });
  await untilStarted(engine, (reason) => {
    if (health().reason !== reason) log.warn('waiting for Redis', { reason });
    health = () => ({ ready: false, reason });
  });
  let drain = (): void => undefined;
  const toldToDrain = new Promise<'drain'>((resolve) => {
    drain = () => resolve('drain');
  });
  const orders = new Orders({
    control: () => engine.control,
    nodeId,
    live,
    onChanged: (names) => settingsChanged(live, log, names),
    onDrain: drain,
  });
  await orders.start();
  api = createAdminApi({ engine, nodeId, live, onChanged: () => orders.refresh(), log });
  const hasPage = config.web && existsSync(PAGE_FOLDER);
  const pageFolder = hasPage ? PAGE_FOLDER : null;
  const relay = await createRelay({ config, engine, log, metrics, pageFolder });
  listening = relay.port;
  health = () => relay.health();
  metrics.buildInfo.of(readVersion(), process.versions.node, relay.uwsBuild, verifier.library).set(1);
  return { engine, relay, admin, tracing, hasPage, orders, toldToDrain };
}

/** After a power cut nodes start before Redis: they wait. An error that waiting does not mend ends the start. */
async function untilStarted(engine: Engine, onWaiting: (reason: string) => void): Promise<void> {
  for (;;) {
    try {
      return await engine.start();
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      onWaiting(error.message);
      await sleep(START_RETRY_MS);
    }
  }
}

/** SIGHUP: settings from the file, and the certificate. */
function readAgain(live: LiveSettings, relay: Relay, log: Logger): void {
  const { tlsCert, configFile } = live.config;
  if (tlsCert === '' && configFile === '') log.info('SIGHUP: nothing to read again');
  try {
    settingsChanged(live, log, live.reload());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const reason of error.mistakes) log.error('settings not read again', { reason });
  }
  if (tlsCert !== '') readCertificate(relay, log);
}

function settingsChanged({ config }: LiveSettings, log: Logger, names: readonly string[]): void {
  if (names.length === 0) return;
  if (names.includes('RELAY_LOG_LEVEL')) log.level = config.logLevel;
  log.info('settings have changed', { reason: names.join(', ') });
}

function readCertificate(relay: Relay, log: Logger): void {
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
    verifier: verifier.library,
    version: readVersion(),
  });
  if (awsLcProblem !== null) log.warn('AWS-LC was built, but does not load', { reason: awsLcProblem });
  for (const { event, reason } of warnings(config)) log.warn(event, { reason });
  // A log collector reads both streams, and lines of JSON only.
  if (!process.stderr.isTTY) return;
  process.stderr.write(welcome({ config, port: relay.port, adminPort: admin.port, page: hasPage }));
}

/** Only the engine that is wanted is loaded: ioredis alone has sixty files. */
async function createEngine(parts: {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null until the node listens. */
  readonly port: () => number | null;
}): Promise<Engine> {
  const { config, metrics, port } = parts;
  const { redisUrls, nodeId, redisWaitReplicas } = config;
  const announces = config.wakeUrl !== '';
  const pushes = config.pushVapidKey !== null;
  const accountIdleTtlMs = () => idleTtlMs(config);
  if (redisUrls.length === 0) {
    const { createMemoryEngine } = await import('../../engine/memory/engine.ts');
    return createMemoryEngine({ limits: config, announces, pushes, accountIdleTtlMs });
  }
  const { createRedisEngine } = await import('../../engine/redis/engine.ts');
  const observer = observeEngine(parts);
  const version = readVersion();
  const host = isWildcard(config.host) ? hostname() : config.host;
  const { sockets } = metrics;
  const presence = () => {
    const listening = port();
    if (listening === null) return null;
    const address = `${isIPv6(host) ? `[${host}]` : host}:${listening}`;
    return { address, version, sockets: sockets.of('pending').value + sockets.of('connected').value };
  };
  return createRedisEngine({
    urls: redisUrls,
    nodeId,
    limits: config,
    waitReplicas: redisWaitReplicas,
    observer,
    announces,
    pushes,
    presence,
    accountIdleTtlMs,
  });
}

/** A node in an unforeseen state is worth less than a new one. Node's own report would print too much. */
function endOnUnforeseen(log: Logger): void {
  const end = (error: unknown) => {
    log.error('unforeseen: ending', { error });
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
