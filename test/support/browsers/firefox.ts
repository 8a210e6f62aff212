import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { toolPath } from '../../../src/cli/dev/install.ts';
import { ensureInstalled } from '../servers/install.ts';
import { until } from '../until.ts';

const LAUNCH_MS = 60_000;
const WAIT_MS = 40_000;
/** WebDriver's name of the key (https://www.w3.org/TR/webdriver2/#keyboard-actions). */
const ENTER = '\uE007';

/** It talks to our relay on loopback and to nobody else, as far as settings can see to it. */
const SETTINGS: Readonly<Record<string, boolean | number | string>> = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
};

interface Answer {
  readonly id?: number;
  readonly type: 'success' | 'error' | 'event';
  readonly result?: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Debian's Firefox, driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/) over its own socket. */
export class Firefox {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  /** Errors of all pages that nothing caught. */
  readonly complaints: string[] = [];
  #next = 0;

  private constructor(process: ChildProcess, socket: WebSocket, profile: string) {
    this.#process = process;
    this.#socket = socket;
    this.#profile = profile;
    socket.on('message', (data) => this.#heard(JSON.parse(String(data)) as Answer));
  }

  static async launch(): Promise<Firefox> {
    ensureInstalled('firefox-esr');
    const profile = await mkdtemp(join(tmpdir(), 'keyrelay-firefox-'));
    const settings = Object.entries(SETTINGS).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
    );
    await writeFile(join(profile, 'user.js'), settings.join('\n'));
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0'];
    const child = spawn(toolPath('firefox-esr'), args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    });
    try {
      const url = await listening(child);
      const socket = new WebSocket(`${url}/session`);
      await once(socket, 'open');
      const firefox = new Firefox(child, socket, profile);
      await firefox.send('session.new', { capabilities: {} });
      await firefox.send('session.subscribe', { events: ['log.entryAdded'] });
      return firefox;
    } catch (error) {
      child.kill('SIGKILL');
      await rm(profile, { recursive: true, force: true });
      throw error;
    }
  }

  /** A person at a page of her own: no two share storage. */
  async visit(url: string): Promise<FirefoxPage> {
    const { userContext } = await this.send('browser.createUserContext', {});
    const { context } = await this.send('browsingContext.create', { type: 'tab', userContext });
    const page = new FirefoxPage(this, String(context));
    await this.send('browsingContext.navigate', { context, url, wait: 'complete' });
    return page;
  }

  send(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ type, result, message }) => {
        if (type === 'success') resolve(result ?? {});
        else reject(new Error(`${method}: ${message}`));
      });
    });
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#socket.terminate();
    this.#process.kill('SIGKILL');
    await gone;
    // Its helpers end a moment later, and may still write.
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  #heard(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
    const { level, type, text } = answer.params ?? {};
    if (answer.method === 'log.entryAdded' && level === 'error' && type === 'javascript')
      this.complaints.push(String(text));
  }
}

export class FirefoxPage {
  readonly #firefox: Firefox;
  readonly #context: string;

  constructor(firefox: Firefox, context: string) {
    this.#firefox = firefox;
    this.#context = context;
  }

  /** What the expression comes to, as JSON. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#firefox.send('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${expression})) ?? 'null')()`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    const { type, result } = answer as { type: string; result?: { value?: string } };
    if (type !== 'success') throw new Error(`${expression}: ${JSON.stringify(answer)}`);
    return JSON.parse(result?.value ?? 'null');
  }

  /** Waits until the expression is something. */
  async sees(expression: string): Promise<void> {
    await until(async () => Boolean(await this.evaluate(expression)), {
      what: expression,
      timeoutMs: WAIT_MS,
    });
  }

  click(selector: string): Promise<unknown> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  /** By the keyboard, with Enter behind it. */
  async enter(selector: string, text: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    const actions = [...text, ENTER].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    const keyboard = { type: 'key', id: 'keyboard', actions };
    await this.#firefox.send('input.performActions', { context: this.#context, actions: [keyboard] });
  }

  async choose(selector: string, files: readonly string[]): Promise<void> {
    const { result } = await this.#firefox.send('script.evaluate', {
      expression: `document.querySelector(${JSON.stringify(selector)})`,
      target: { context: this.#context },
      awaitPromise: false,
    });
    const element = result as { sharedId: string };
    await this.#firefox.send('input.setFiles', { context: this.#context, element, files });
  }

  async reload(): Promise<void> {
    await this.#firefox.send('browsingContext.reload', { context: this.#context, wait: 'complete' });
  }
}

/** Where its socket is, once it has said so. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const fail = () => reject(new Error(`Firefox has not started: ${said.slice(-20).join('\n')}`));
    const timer = setTimeout(fail, LAUNCH_MS);
    child.once('exit', fail);
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (url === undefined) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve(url);
    });
  });
}
