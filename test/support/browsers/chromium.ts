import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';
import { toolPath } from '../../../src/cli/dev/install.ts';
import { ensureInstalled } from '../servers/install.ts';

/** The browser talks to our relay on loopback and to nobody else, as far as flags can see to it. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const WAIT_MS = 40_000;

/** What becomes of a message that was sent, in this order. */
const MARKS = ['stored', 'delivered', 'read'] as const;
type Mark = (typeof MARKS)[number];

/** Sizes in CSS pixels; `zoomed` is a desktop at 200 %. */
const VIEWPORTS = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
  narrow: { width: 320, height: 640 },
  zoomed: { width: 640, height: 400 },
} as const;
type Device = keyof typeof VIEWPORTS;

export interface Look {
  readonly device?: Device;
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce';
}

/** Where pictures of the states go, if they are asked for: `KEYRELAY_SCREENSHOTS=1`. */
export const PICTURES =
  process.env.KEYRELAY_SCREENSHOTS === '1' ? join(import.meta.dirname, '../../../docs/images') : null;

/** Only pictures that the document shows are taken. */
const SHOWN = readFileSync(join(import.meta.dirname, '../../../docs/page.md'), 'utf8');

/** A person at a page of her own: no two share storage. */
export class Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in the page: uncaught errors, refused by the CSP, requests to other hosts. */
  readonly complaints: string[];

  constructor(context: BrowserContext, page: Page, complaints: string[]) {
    this.context = context;
    this.page = page;
    this.complaints = complaints;
  }

  /** Her code, once the relay has given it. */
  async code(): Promise<string> {
    const code = this.page.locator('#code');
    await code.filter({ hasText: /^[0-9A-Z]{7}$/ }).waitFor({ state: 'attached' });
    return (await code.textContent()) ?? '';
  }

  /** Starts a conversation: by the field of the first visit, or by the sheet of later ones. */
  async startWith(code: string): Promise<void> {
    const first = await this.page.locator('#their-code').isVisible();
    if (!first) await this.page.click('#new');
    const field = first ? '#their-code' : '#new-code';
    await this.page.fill(field, code);
    await this.page.press(field, 'Enter');
    await this.page.locator('#talk').waitFor();
    // Another conversation may be on the screen until the relay has answered.
    if (/^[0-9A-Z]{7}$/.test(code)) await this.page.waitForURL(({ hash }) => hash === `#/${code}`);
  }

  /** Accepts the one person that wants to talk. */
  async accepts(): Promise<void> {
    await this.page.locator('.person').first().click();
    await this.page.click('#banner-actions button:has-text("Accept")');
    await this.page.locator('#banner[data-kind="request"]').waitFor({ state: 'hidden' });
  }

  /** Waits until the page says this in its banner. */
  async isTold(kind: string): Promise<void> {
    await this.page.locator(`#banner[data-kind="${kind}"]`).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.fill('#text', text);
    await this.page.press('#text', 'Enter');
  }

  /** Waits for a message of the other. */
  async hears(text: string): Promise<void> {
    await this.page.locator('.message.theirs', { hasText: text }).waitFor();
  }

  /** Waits until her own message is so far: one that is delivered may be read a moment later, and was delivered. */
  async sees(text: string, mark: 'waiting' | Mark): Promise<void> {
    const message = this.page.locator('.message.mine', { hasText: text });
    const marks = mark === 'waiting' ? [mark] : MARKS.slice(MARKS.indexOf(mark));
    const enough = marks.map((each) => `[data-mark="${each}"]`);
    await message.locator(enough.join(',')).waitFor();
  }

  /** How far her own message is. */
  mark(text: string): Promise<string | null> {
    const message = this.page.locator('.message.mine', { hasText: text });
    return message.locator('[data-mark]').getAttribute('data-mark');
  }

  async is(state: 'live' | 'offline' | 'connecting' | 'ended'): Promise<void> {
    await this.page.locator(`#connection[data-state="${state}"]`).waitFor();
  }

  /** Everything that is written in the conversation, in order, without marks. */
  async thread(): Promise<string[]> {
    const read = `[...document.querySelectorAll('.message .text')].map((each) => each.textContent)`;
    return (await this.page.evaluate(read)) as string[];
  }

  /** Puts messages into the page's history, as if they had been said; seen after a reload. */
  async remembers(code: string, count: number, atMs = Date.now()): Promise<void> {
    const write = `new Promise((resolve, reject) => {
      const open = indexedDB.open('keyrelay-history', 1);
      open.onsuccess = () => {
        const transaction = open.result.transaction('entries', 'readwrite');
        const store = transaction.objectStore('entries');
        for (let number = 1; number <= ${count}; number++) {
          const text = 'Entry ' + number + ' of a long conversation, ' + 'with words '.repeat(number % 9);
          const entry = { id: 'old-' + number, mine: number % 3 === 0, text, atMs: ${atMs}, mark: number % 3 === 0 ? 'read' : 'seen' };
          store.put(JSON.stringify(entry), '${code}:' + String(1e9 + number).padStart(12, '0'));
        }
        transaction.oncomplete = () => { open.result.close(); resolve(true); };
        transaction.onabort = () => reject(transaction.error);
      };
    })`;
    await this.page.evaluate(write);
  }

  /** Leaves what a page that is closed while it sends leaves: a message without an id of the SDK; seen after a reload. */
  async forgotToSend(code: string, text: string): Promise<void> {
    const entry = { id: `unsent-${Date.now()}-0`, mine: true, text, atMs: Date.now(), mark: 'waiting' };
    await this.page.evaluate(`new Promise((resolve, reject) => {
      const open = indexedDB.open('keyrelay-history', 1);
      open.onsuccess = () => {
        const transaction = open.result.transaction('entries', 'readwrite');
        transaction.objectStore('entries').put(${JSON.stringify(JSON.stringify(entry))}, '${code}:' + '9'.repeat(12));
        transaction.oncomplete = () => { open.result.close(); resolve(true); };
        transaction.onabort = () => reject(transaction.error);
      };
    })`);
  }

  /** What axe finds; it is run past the page's CSP, which lets no other script in. */
  async axeFindings(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const run = 'axe.run(document, { resultTypes: ["violations"] })';
    const { violations } = (await this.page.evaluate(run)) as axe.AxeResults;
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  async picture(name: string): Promise<void> {
    if (PICTURES === null || !SHOWN.includes(`${name}.png`)) return;
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
  }
}

/** The browser of one test file: its pages are closed after each test, see `leave`. */
export function browsersForTests(flags?: readonly string[]): Browsers {
  const browsers = new Browsers(flags);
  afterEach(() => browsers.leave());
  afterAll(() => browsers.stop());
  return browsers;
}

/** A browser, with further flags if a test file needs them; ends with `stop`. */
export class Browsers {
  readonly #flags: readonly string[];
  #browser: Browser | null = null;
  /** Of the test that runs. */
  readonly #visitors: Visitor[] = [];

  constructor(flags: readonly string[] = []) {
    this.#flags = flags;
  }

  async visit(url: string, { device = 'desktop', ...look }: Look = {}): Promise<Visitor> {
    this.#browser ??= await launch(this.#flags);
    const viewport = VIEWPORTS[device];
    const context = await this.#browser.newContext({
      viewport,
      locale: 'en-GB',
      deviceScaleFactor: device === 'zoomed' ? 2 : 1,
      ...look,
    });
    const visitor = await openPage(context, url);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Alice has said hello to Bob, who has accepted her. */
  async talking(url: string): Promise<{ alice: Visitor; bob: Visitor; bobsCode: string }> {
    const [alice, bob] = [await this.visit(url), await this.visit(url)];
    const bobsCode = await bob.code();
    await alice.startWith(bobsCode);
    await alice.say('Hello Bob');
    await bob.accepts();
    await bob.hears('Hello Bob');
    return { alice, bob, bobsCode };
  }

  /** The same, and Bob has answered. */
  async talkingBothWays(url: string): Promise<{ alice: Visitor; bob: Visitor }> {
    const { alice, bob } = await this.talking(url);
    await bob.say('Hello Alice');
    await alice.hears('Hello Alice');
    return { alice, bob };
  }

  /** Another tab of the same browser. */
  openTab(context: BrowserContext, url: string): Promise<Visitor> {
    return openPage(context, url);
  }

  /** Closes the pages of a test. In none may anything have gone wrong, been blocked, or asked another host. */
  async leave(): Promise<void> {
    const visitors = this.#visitors.splice(0);
    await Promise.all(visitors.map(({ context }) => context.close()));
    expect(visitors.flatMap(({ complaints }) => complaints)).toEqual([]);
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    this.#browser = null;
  }
}

function launch(flags: readonly string[]): Promise<Browser> {
  ensureInstalled('chromium');
  return chromium.launch({ executablePath: toolPath('chromium'), args: [...FLAGS, ...flags] });
}

async function openPage(context: BrowserContext, url: string): Promise<Visitor> {
  const page = await context.newPage();
  // Below the test's own, so that a failure says what was waited for.
  page.setDefaultTimeout(WAIT_MS);
  const { origin, host } = new URL(url);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // That a connection failed, that the relay was too busy for one, or that no user has a code, the browser reports by
    // itself: some tests are about it, and the page tries again.
    const own =
      /ERR_CONNECTION|response code: 503/.test(message.text()) || message.location().url.includes('/users/');
    if (message.type() === 'error' && !own) complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin && !request.url().startsWith('data:'))
      complaints.push(request.url());
  });
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== host) complaints.push(socket.url());
  });
  await page.goto(url);
  return new Visitor(context, page, complaints);
}
