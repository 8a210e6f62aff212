import { expect, test, vi } from 'vitest';
import { browsersForTests } from '../../support/browsers/chromium.ts';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const relay = relayForTests({ RELAY_ADMIN_TOKEN: ADMIN_TOKEN });
const browsers = browsersForTests();

const visit = () => browsers.visit(relay.http);

/** Longer than an answer or a receipt takes. */
const RECEIPT_TAKES_MS = 1_500;

/** Whether the page has noted that the relay blocks somebody. */
const BLOCKED_AT_RELAY = `new Promise((resolve) => {
  indexedDB.open('keyrelay-people', 1).onsuccess = ({ target: { result } }) => {
    result.transaction('entries').objectStore('entries').getAll().onsuccess = ({ target }) => {
      result.close();
      resolve(target.result.some((person) => person.includes('"blockedAtRelay":true')));
    };
  };
})`;

test('a stranger is a request: nothing opens by itself, and the stranger learns nothing before it is accepted', async () => {
  const [alice, bob] = [await visit(), await visit()];
  const toAlice: string[] = [];
  const alicesCode = await alice.code();
  const bobsCode = await bob.code();
  bob.page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      if (payload.toString().includes(`"recipient":"${alicesCode}"`)) toAlice.push(payload.toString());
    }),
  );
  // The socket of before is not listened to.
  await bob.page.reload();
  await bob.is('live');
  await alice.startWith(bobsCode);
  await alice.say('You do not know me https://example.org/');
  await bob.page.locator('.people h2', { hasText: 'Requests' }).waitFor();
  expect(await bob.page.locator('#talk').isVisible()).toBe(false);
  await bob.page.click('.person');
  await bob.isTold('request');
  await bob.hears('You do not know me');
  expect(await bob.page.locator('.message a').count()).toBe(0);
  expect(await bob.page.locator('#compose').isVisible()).toBe(false);
  await alice.sees('You do not know me', 'stored');
  await new Promise((resolve) => setTimeout(resolve, RECEIPT_TAKES_MS));
  expect(await alice.mark('You do not know me')).toBe('stored');
  await bob.page.click('#banner-actions button:has-text("Report")');
  await bob.page.fill('#report-reason', 'Sends links.');
  await bob.page.click('#report-go');
  await bob.page.locator('.note', { hasText: 'You have reported the last message' }).waitFor();
  const { json } = await admin(relay, 'GET', '/v1/reports');
  const item = { code: alicesCode, reason: 'Sends links.', envelopes: [expect.anything()] };
  expect(json).toMatchObject({ items: [item] });
  expect(toAlice).toEqual([]);
  await bob.page.click('#banner-actions button:has-text("Accept")');
  await alice.sees('You do not know me', 'read');
  expect(toAlice).not.toEqual([]);
  expect(await bob.page.locator('.message a').getAttribute('href')).toBe('https://example.org/');
});

longTest(
  'a stranger who is blocked learns nothing and is not heard, until the block is taken back',
  async () => {
    const [alice, bob] = [await visit(), await visit()];
    await alice.startWith(await bob.code());
    await alice.say('Buy this');
    await bob.page.click('.person');
    await bob.page.click('#banner-actions button:has-text("Block")');
    await bob.isTold('blocked');
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_TAKES_MS));
    expect(await alice.mark('Buy this')).toBe('stored');
    await bob.page.click('#banner-actions button:has-text("Unblock")');
    await alice.sees('Buy this', 'delivered');
    await alice.say('Sorry');
    await bob.hears('Sorry');
  },
);

test('the relay stores nothing of a friend who is blocked, over a reload too', async () => {
  const { alice, bob } = await browsers.talking(relay.http);
  await bob.say('Hello Alice');
  await alice.hears('Hello Alice');
  await bob.page.click('#talk-name');
  await bob.page.click('#person-actions button:has-text("Block")');
  await bob.isTold('blocked');
  await until(() => bob.page.evaluate<boolean>(BLOCKED_AT_RELAY), { what: 'the relay blocks' });
  await bob.page.reload();
  await bob.is('live');
  await alice.say('Buy that');
  await alice.sees('Buy that', 'stored');
  await new Promise((resolve) => setTimeout(resolve, RECEIPT_TAKES_MS));
  expect(await alice.mark('Buy that')).toBe('stored');
  expect(await bob.thread()).toEqual(['Hello Bob', 'Hello Alice']);
  await bob.page.click('#settings-open');
  await bob.page.click('#blocked-list button');
  await until(async () => !(await bob.page.evaluate<boolean>(BLOCKED_AT_RELAY)), { what: 'unblocked' });
  await bob.page.click('#settings [data-close]');
  await alice.say('Sorry');
  await bob.hears('Sorry');
});
