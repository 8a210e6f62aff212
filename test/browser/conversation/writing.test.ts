import { describe, expect, test, vi } from 'vitest';
import { browsersForTests } from '../../support/browsers/chromium.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const relay = relayForTests();
const browsers = browsersForTests();

const talking = () => browsers.talking(relay.http);

describe('what is written', () => {
  test('stays with its conversation as a draft, over a reload too', async () => {
    const { alice, bobsCode } = await talking();
    const cora = await browsers.visit(relay.http);
    await alice.page.fill('#text', 'Only for Bob');
    await alice.startWith(await cora.code());
    expect(await alice.page.inputValue('#text')).toBe('');
    await alice.page.reload();
    await alice.page.locator('.person .draft').waitFor();
    await alice.page.click(`.person[data-code="${bobsCode}"]`);
    expect(await alice.page.inputValue('#text')).toBe('Only for Bob');
  });

  longTest('goes as several messages if it is too long for one, and nothing of it is lost', async () => {
    const { alice, bob } = await talking();
    const text = 'word '.repeat(20_000).trim();
    await alice.page.fill('#text', text);
    await alice.page.locator('#compose-hint', { hasText: 'it goes as' }).waitFor();
    await alice.page.press('#text', 'Enter');
    const said = `[...document.querySelectorAll('.message.theirs .text')].slice(1).map((e) => e.textContent).join(' ')`;
    await until(() => bob.page.evaluate<boolean>(`${said}.length >= ${text.length}`), {
      what: 'all parts',
      timeoutMs: 40_000,
    });
    expect((await bob.page.evaluate(said)) === text).toBe(true);
  });

  longTest('runs in the direction of its script, and emoji alone are large', async () => {
    const { alice, bob } = await talking();
    await alice.say('שלום');
    await bob.hears('שלום');
    const direction = `getComputedStyle([...document.querySelectorAll('.message .text')].at(-1)).direction`;
    expect(await bob.page.evaluate(direction)).toBe('rtl');
    await alice.say('😀');
    await bob.page.locator('.text.large', { hasText: '😀' }).waitFor();
  });
});

describe('what was not sent', () => {
  longTest('is sent again from its sheet, once', async () => {
    const { alice, bob, bobsCode } = await talking();
    await alice.sees('Hello Bob', 'read');
    await alice.forgotToSend(bobsCode, 'Half said');
    await alice.page.reload();
    await alice.is('live');
    const failed = alice.page.locator('.message.mine', { hasText: 'Half said' });
    await failed.locator('[data-mark="failed"]').waitFor();
    await failed.locator('button').last().click();
    await alice.page.locator('#message-about', { hasText: 'The page was closed at this moment' }).waitFor();
    await alice.page.click('#message-actions button:has-text("Send again")');
    await bob.hears('Half said');
    await alice.sees('Half said', 'read');
    expect(await alice.thread()).toEqual(['Hello Bob', 'Half said']);
    expect(await bob.thread()).toEqual(['Hello Bob', 'Half said']);
  });
});

longTest('only what is on the screen is read', async () => {
  const { alice, bob } = await talking();
  // Bob looks at another conversation meanwhile.
  const cora = await browsers.visit(relay.http);
  await bob.startWith(await cora.code());
  for (let number = 1; number <= 40; number++) await alice.say(`Line ${number}.`);
  await bob.page.locator('.person .unread', { hasText: '40' }).waitFor();
  await alice.sees('Line 40.', 'delivered');
  await bob.page.locator('.person', { hasText: 'Line 40.' }).click();
  await bob.page.locator('.new-line').waitFor();
  await alice.sees('Line 1.', 'read');
  await bob.page.locator('#to-newest', { hasText: 'new' }).waitFor();
  expect(
    await alice.page.locator('.message.mine', { hasText: 'Line 40.' }).locator('[data-mark="read"]').count(),
  ).toBe(0);
  await bob.page.click('#to-newest');
  await alice.sees('Line 40.', 'read');
});
