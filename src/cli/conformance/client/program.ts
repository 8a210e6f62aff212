import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The client under test: lines in are what it has to write, lines out are JSON, `{"from":…,"body":…}` for each message. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #errors = '';
  hasEnded = false;

  /** @param onMessage what the client shows */
  constructor(command: readonly string[], onMessage: (from: unknown, body: unknown) => void) {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = new Promise<void>((resolve) => {
      const end = () => {
        this.hasEnded = true;
        resolve();
      };
      child.once('exit', end);
      child.once('error', (error) => {
        this.#errors += error.message;
        end();
      });
    });
    child.stdin.on('error', () => {});
    child.stderr.on('data', (bytes) => {
      this.#errors = `${this.#errors}${String(bytes)}`.slice(-400);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { from, body } = (readJson(line) ?? {}) as { from?: unknown; body?: unknown };
      onMessage(from, body);
    });
  }

  /** In words, once it has ended. */
  get end(): string {
    return this.hasEnded ? `it ended with ${this.#child.exitCode}: ${this.#errors.trim()}` : '';
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Null if the text is not JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
