import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../engine/engine.ts';
import { createMemoryEngine } from '../engine/memory/engine.ts';
import { startAdmin } from '../ops/admin.ts';
import { type Config, loadConfig } from '../ops/config.ts';
import { createLog, type Logger } from '../ops/log.ts';
import { createMetrics, type Metrics } from '../ops/metrics.ts';
import { readVersion } from '../ops/version.ts';
import { createRelay } from '../relay/relay.ts';
import { EXIT, parse } from './command.ts';
import { stopSignal } from './signals.ts';
import { warnings, welcome } from './welcome.ts';

/** Where `npm run build` puts the page. */
const PAGE_FOLDER = fileURLToPath(new URL('../web/', import.meta.url));

/** The composition root of a node: settings → log → metrics → engine → relay → admin, and back at a signal. */
export async function run(args: readonly string[]): Promise<number> {
  parse(args, {});
  const config = loadConfig(process.env);
  const log = createLog(config);
  endOnUnforeseen(log);
  const metrics = createMetrics();
  const engine = createEngine({ config, metrics, log });
  await engine.start();
  const pageFolder = config.web && existsSync(PAGE_FOLDER) ? PAGE_FOLDER : null;
  const relay = await createRelay({ config, engine, log, metrics, pageFolder });
  const { adminHost: host, adminPort: port } = config;
  const admin = await startAdmin({ host, port, health: () => relay.health(), metrics, log });

  const version = readVersion();
  metrics.buildInfo.of(version, process.versions.node, relay.uwsBuild).set(1);
  log.info('listening', {
    host: config.host,
    port: relay.port,
    adminPort: admin.port,
    engine: config.redisUrls.length > 0 ? 'redis' : 'memory',
    library: relay.uwsBuild,
    version,
  });
  for (const warning of warnings(config)) log.warn(warning);
  process.stderr.write(
    welcome({ config, port: relay.port, adminPort: admin.port, page: pageFolder !== null }),
  );

  const signal = await stopSignal(() => log.warn('second signal: ending at once'));
  log.info('draining', { signal, durationMs: config.drainMs });
  await relay.drain();
  relay.close();
  await engine.close();
  await admin.close();
  log.info('stopped', { signal });
  return EXIT.ok;
}

function createEngine(parts: { config: Config; metrics: Metrics; log: Logger }): Engine {
  const { config } = parts;
  const limits = {
    mailboxEnvelopes: config.mailboxEnvelopes,
    mailboxBytes: config.mailboxBytes,
    mailboxTtlMs: config.mailboxTtlMs,
    maxUsers: config.maxUsers,
  };
  return createMemoryEngine({ limits });
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
