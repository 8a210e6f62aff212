import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createLog, type Logger } from '../../ops/log/log.ts';
import { type Config, loadConfig } from '../../ops/settings/config.ts';
import { EXIT, UsageError } from '../command.ts';
import { freePort } from '../free-port.ts';
import { stopSignal } from '../signals.ts';

/**
 * Several processes on one port: the kernel spreads new connections over them (SO_REUSEPORT). Each is a separate node
 * with its own admin port; they share Redis like nodes on different machines.
 */

const WORKERS_MAX = 256;
const RESTART_MS_MIN = 500;
const RESTART_MS_MAX = 30_000;
/** A worker that has run for so long has started successfully. */
const STEADY_MS = 30_000;
/** After this time without listening, a restart goes on with the next worker all the same. */
const START_TIMEOUT_MS = 30_000;

/** Whether this process is one of several on one port. */
export function isWorker(): boolean {
  return process.send !== undefined;
}

/** In a worker, once it serves: notifies its parent process, and drains when that process has died. */
export function joinParent(): void {
  if (process.send === undefined) return;
  process.send('listening');
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

/** `auto`: one per core that this process may use. */
export function workerCount(asked: string): number {
  if (asked === 'auto') return availableParallelism();
  const count = Number(asked);
  if (Number.isInteger(count) && count >= 1 && count <= WORKERS_MAX) return count;
  throw new UsageError(`--workers is auto or a number from 1 to ${WORKERS_MAX}, not ${asked}`);
}

/** Runs workers until a signal asks to stop. SIGHUP restarts them one after the other. */
export async function runWorkers(count: number): Promise<number> {
  const config = loadConfig(process.env);
  if (config.redisUrls.length === 0) {
    throw new UsageError(
      '--workers needs RELAY_REDIS_URL: without it each process would have separate users',
    );
  }
  const log = createLog(config);
  const port = config.port === 0 ? await freePort() : config.port;
  const workers = Array.from({ length: count }, (_, index) => {
    return new Worker({ number: index + 1, env: environment({ config, port, index }), log });
  });
  const signalled = stopSignal(() => log.warn('second signal: ending at once'));
  let restarting = Promise.resolve();
  process.on('SIGHUP', () => {
    log.info('restarting workers one after the other', { count });
    restarting = restarting.then(() => restartAll(workers));
  });
  log.info('starting workers', { count, port });
  for (const worker of workers) worker.start();
  const wrong = Promise.race(workers.map((worker) => worker.misconfigured()));
  const signal = await Promise.race([signalled, wrong]);
  await Promise.all(workers.map((worker) => worker.stop()));
  if (signal === EXIT.usage) return EXIT.usage;
  log.info('workers stopped', { count });
  return EXIT.ok;
}

async function restartAll(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) await worker.restart();
}

function environment(worker: {
  readonly config: Config;
  readonly port: number;
  readonly index: number;
}): NodeJS.ProcessEnv {
  const { config, port, index } = worker;
  return {
    ...process.env,
    RELAY_PORT: `${port}`,
    RELAY_ADMIN_PORT: config.adminPort === 0 ? '0' : `${config.adminPort + index}`,
    RELAY_NODE_ID: `${config.nodeId}-${index + 1}`,
  };
}

interface WorkerOptions {
  readonly number: number;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
}

/** One process, started again when it ends by itself. */
class Worker {
  readonly #options: WorkerOptions;
  readonly #wrong: Promise<typeof EXIT.usage>;
  #tellWrong: () => void = () => undefined;
  #process: ChildProcess | null = null;
  #stopping = false;
  #retryMs = RESTART_MS_MIN;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#wrong = new Promise((resolve) => {
      this.#tellWrong = () => resolve(EXIT.usage);
    });
  }

  /** Resolves when a worker has found a wrong setting: another try would find it too. */
  misconfigured(): Promise<typeof EXIT.usage> {
    return this.#wrong;
  }

  start(): void {
    this.#timer = null;
    const [, main = ''] = process.argv;
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, main, 'serve'], {
      env: this.#options.env,
      // The channel tells a worker when this process has died.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A separate process group: Ctrl-C is for this process, and two signals would end a worker at once.
      detached: true,
    });
    this.#process = child;
    child.once('exit', (code, signal) => {
      if (this.#process !== child) return;
      this.#process = null;
      if (this.#stopping) return;
      if (code === EXIT.usage) this.#tellWrong();
      else this.#startLater(signal ?? `exit code ${code}`, performance.now() - startedMs);
    });
  }

  /** A new process in place of the old one, which drains first. */
  async restart(): Promise<void> {
    await this.stop();
    this.#stopping = false;
    this.start();
    const child = this.#process;
    if (child === null) return;
    const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
    await Promise.race([once(child, 'message', { signal: timeout }), once(child, 'exit')]).catch(
      () => undefined,
    );
  }

  /** SIGTERM. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const child = this.#process;
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  #startLater(reason: string, ranMs: number): void {
    const { number, log } = this.#options;
    this.#retryMs = ranMs > STEADY_MS ? RESTART_MS_MIN : Math.min(RESTART_MS_MAX, this.#retryMs * 2);
    log.error('a worker has ended: starting another', { count: number, reason, delayMs: this.#retryMs });
    this.#timer = setTimeout(() => this.start(), this.#retryMs);
  }
}
