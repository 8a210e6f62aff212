import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Browsers, type Visitor } from '../../support/browsers/chromium.ts';
import { peopleForTests } from '../../support/clients/sdk.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** What people expect of every messenger, between the same two all the time. */
const relay = relayForTests();
const browsers = new Browsers();
const people = peopleForTests();
let alice: Visitor;
let bob: Visitor;

beforeAll(async () => {
  ({ alice, bob } = await browsers.talking(relay.http));
  const permissions = ['clipboard-read', 'clipboard-write', 'notifications'];
  await bob.context.grantPermissions(permissions, { origin: relay.http });
  await alice.sees('Hello Bob', 'read');
});
afterEach(() => expect([...alice.complaints, ...bob.complaints]).toEqual([]));
afterAll(() => browsers.stop());

/** Longer than a receipt takes. */
const RECEIPT_TAKES_MS = 1_500;

const copied = ({ page }: Visitor) => page.evaluate<string>('navigator.clipboard.readText()');

async function about({ page }: Visitor, text: string, action: string): Promise<void> {
  await page.locator('.message', { hasText: text }).locator('.about').click();
  await page.click(`#message-actions button:has-text("${action}")`);
}

async function set({ page }: Visitor, id: string, on: boolean): Promise<void> {
  await page.click('#settings-open');
  await page.setChecked(`#${id}`, on);
  await page.click('#settings [data-close]');
}

test('a message is copied, and deleted here alone, for good', async () => {
  await alice.say('Not for long');
  await bob.hears('Not for long');
  await about(bob, 'Not for long', 'Copy text');
  expect(await copied(bob)).toBe('Not for long');
  await about(bob, 'Not for long', 'Delete here');
  expect(await bob.thread()).toEqual(['Hello Bob']);
  await bob.page.reload();
  await bob.is('live');
  expect(await bob.thread()).toEqual(['Hello Bob']);
  expect(await alice.thread()).toEqual(['Hello Bob', 'Not for long']);
});

longTest('the link to a code is copied, however often the button is pressed', async () => {
  const button = bob.page.locator('.own-row [data-copy="link"]');
  await button.click();
  await button.click();
  expect(await copied(bob)).toBe(`${relay.http}/#${await bob.code()}`);
  await button.locator('svg').waitFor();
});

longTest(
  'what comes while the page is hidden counts in the title and on the icon, and notifies',
  async () => {
    await set(bob, 'notify', true);
    const look = (state: 'hidden' | 'visible') =>
      bob.page.evaluate(`(() => {
      navigator.setAppBadge = async (count) => { globalThis.badge = count; };
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });
      document.dispatchEvent(new Event('visibilitychange'));
    })()`);
    await bob.page.evaluate('navigator.serviceWorker.ready.then(() => true)');
    await look('hidden');
    await alice.say('Are you there?');
    await alice.sees('Are you there?', 'delivered');
    await expect.poll(() => bob.page.title()).toBe('(1) keyrelay');
    expect(await bob.page.evaluate('globalThis.badge')).toBe(1);
    const notified = () =>
      bob.page.evaluate<string[]>(`navigator.serviceWorker.getRegistration()
      .then((registration) => registration.getNotifications())
      .then((all) => all.map(({ title, body, silent }) => title + ': ' + body + (silent ? '' : ', with a sound')))`);
    await expect.poll(notified).toEqual([`${await alice.code()}: New message`]);
    await look('visible');
    await alice.sees('Are you there?', 'read');
    await expect.poll(() => bob.page.evaluate('globalThis.badge')).toBe(0);
    expect(await bob.page.title()).toBe('keyrelay');
    await set(bob, 'notify', false);
  },
);

longTest('who wants it gives no receipts', async () => {
  await set(bob, 'receipts', false);
  await alice.say('Have you read this?');
  await bob.hears('Have you read this?');
  await new Promise((resolve) => setTimeout(resolve, RECEIPT_TAKES_MS));
  expect(await alice.mark('Have you read this?')).toBe('delivered');
  await set(bob, 'receipts', true);
});

longTest('a name that somebody claims is shown as a claim, until the user gives one', async () => {
  await alice.page.click('#settings-open');
  await alice.page.fill('#own-name', 'Alice A.');
  await alice.page.click('#settings [data-close]');
  await alice.say('It is me');
  await bob.page.locator('#talk-name', { hasText: 'Alice A.' }).waitFor();
  await bob.page.click('#talk-name');
  await bob.page.locator('#person-claim', { hasText: 'They call themselves “Alice A.”' }).waitFor();
  await bob.page.fill('#person-name', 'Alice from work');
  await bob.page.press('#person-name', 'Enter');
  await bob.page.locator('#talk-name', { hasText: 'Alice from work' }).waitFor();
});

longTest('files are dropped on the conversation, and pasted', async () => {
  const drop = (event: string, target: string, name: string) => `(() => {
    const files = new DataTransfer();
    files.items.add(new File(['as it is'], '${name}', { type: 'text/plain' }));
    const about = { bubbles: true, cancelable: true, ${event === 'paste' ? 'clipboardData' : 'dataTransfer'}: files };
    const made = new ${event === 'paste' ? 'ClipboardEvent' : 'DragEvent'}('${event}', about);
    document.querySelector('${target}').dispatchEvent(made);
  })()`;
  await alice.page.evaluate(drop('drop', '#messages', 'dropped.txt'));
  await alice.page.evaluate(drop('paste', '#text', 'pasted.txt'));
  for (const name of ['dropped.txt', 'pasted.txt'])
    await bob.page.locator('.file[data-state="done"]', { hasText: name }).waitFor();
});

longTest(
  'settings say what is stored, and have the relay refuse more than one request of a stranger',
  async () => {
    await bob.page.click('#settings-open');
    await bob.page
      .locator('#kept', { hasText: /This page takes [\d.]+ [kM]?B?.* in this browser/ })
      .waitFor();
    await bob.page.click('#settings [data-close]');
    const policies = () => relay.metric('keyrelay_commands_total', 'command="policy"');
    await set(bob, 'few-requests', true);
    await until(async () => (await policies()) === 1, { what: 'the policy known' });
    await bob.page.reload();
    await bob.is('live');
    await set(bob, 'few-requests', false);
    await until(async () => (await policies()) === 2, { what: 'the policy anyone' });
    await alice.say('Still heard');
    await bob.hears('Still heard');
  },
);

longTest(
  'a request is deleted, and what a program of an older version sends as a file is no gibberish',
  async () => {
    const cora = await people.join(relay.http, { name: 'Cora' });
    const toBob = await cora.relay.startConversation(await bob.code());
    const part = { file: 'notes.pdf', part: 1, parts: 3, size: 9, sha256: null, data: 'AAAA' };
    void toBob.send(part);
    const asked = bob.page.locator('.person', { hasText: 'Cora' });
    await bob.page.locator('.people h2', { hasText: 'Requests' }).waitFor();
    await bob.page.locator('.people-group').first().locator('.person').click();
    await bob.isTold('request');
    await bob.hears('Part 1 of 3 of “notes.pdf”');
    await bob.page.click('#banner-actions button:has-text("Delete")');
    await bob.page.locator('.people h2', { hasText: 'Requests' }).waitFor({ state: 'detached' });
    expect(await asked.count()).toBe(0);
    await bob.page.reload();
    await bob.is('live');
    expect(await bob.page.locator('.person').count()).toBe(1);
  },
);
