import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment, not an addition to ours. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Of util-linux: the kernel ends the child when its parent has died, however suddenly. Replaces itself by the command. */
const SETPRIV = '/usr/bin/setpriv';
const DIE_WITH_PARENT = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : [];

/** Output kept for those who ask later; the oldest goes first. */
const OUTPUT_CHARACTERS_MAX = 4_000_000;
const STOP_TIMEOUT_MS = 15_000;

/** A server of ours in a process of its own. Its output is collected; it does not outlive this process. */
export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #exited: Promise<string>;
  readonly #listeners = new Set<() => void>();
  #output = '';
  #ended: string | null = null;

  static async start(options: ChildOptions): Promise<Child> {
    // A process group of its own: Ctrl-C is for the parent, which stops its children in the right order.
    const [command = '', ...args] = [...DIE_WITH_PARENT, options.command, ...options.args];
    const child = spawn(command, args, {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    await once(child, 'spawn');
    return new Child(child);
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.pid = child.pid ?? 0;
    RUNNING.add(this);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_MAX);
        this.#tell();
      });
    }
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        RUNNING.delete(this);
        this.#ended = signal ?? `exit code ${code}`;
        this.#tell();
        resolve(this.#ended);
      });
    });
  }

  /** Everything written to both standard streams so far. */
  get output(): string {
    return this.#output;
  }

  /** `exit code 0`, `SIGKILL` …; null while it runs. */
  get ended(): string | null {
    return this.#ended;
  }

  /** Resolves with `ended`. */
  exited(): Promise<string> {
    return this.#exited;
  }

  /** Resolves with the first match of `pattern` in the output; rejects if the process ends or the time is over. */
  async waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (this.#ended !== null) throw new Error(`${this.#describe()} ended (${this.#ended})${this.#tail()}`);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0)
        throw new Error(`${this.#describe()} did not say ${pattern} within ${timeoutMs} ms${this.#tail()}`);
      await this.#change(leftMs);
    }
  }

  signal(name: NodeJS.Signals): void {
    if (this.#ended === null) this.#process.kill(name);
  }

  /** Asks it to end, and ends it if it has not by then. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<string> {
    this.signal('SIGTERM');
    // One that was paused would not hear.
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    return this.#exited.finally(() => clearTimeout(timer));
  }

  #describe(): string {
    return this.#process.spawnargs.slice(DIE_WITH_PARENT.length, DIE_WITH_PARENT.length + 3).join(' ');
  }

  #tail(): string {
    return `; last output:\n${this.#output.trimEnd().split('\n').slice(-15).join('\n')}`;
  }

  #tell(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#listeners.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

const RUNNING = new Set<Child>();

// For a parent that ends without having stopped them, where there is no setpriv.
process.on('exit', () => {
  for (const child of RUNNING) child.signal('SIGKILL');
});
