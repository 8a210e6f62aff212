import { describe, expect, test, vi } from 'vitest';
import { browsersForTests } from '../support/browsers/chromium.ts';
import { longTest } from '../support/long.ts';
import { processesForTests, relayForTests } from '../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const processes = processesForTests();
const relay = relayForTests();
const browsers = browsersForTests();

const visit = (url = relay.http) => browsers.visit(url);
const talking = () => browsers.talkingBothWays(relay.http);

describe('two people in two browsers', () => {
  test('meet by a code, exchange keys, and talk both ways, with marks', async () => {
    const { alice, bob } = await talking();
    await alice.sees('Hello Bob', 'read');
    await bob.sees('Hello Alice', 'read');
    await alice.say('Nobody else can read this,\nnot even the relay.');
    await bob.hears('not even the relay.');
    expect(await bob.thread()).toEqual([
      'Hello Bob',
      'Hello Alice',
      'Nobody else can read this,\nnot even the relay.',
    ]);
    await alice.sees('not even the relay.', 'read');
  });

  longTest('see the same safety number', async () => {
    const { alice, bob } = await talking();
    const numbers = await Promise.all(
      [alice, bob].map(async (each) => {
        await each.page.click('#safety-open');
        return each.page.locator('#safety-number').textContent();
      }),
    );
    expect(numbers[0]).toMatch(/^(\d{5}\s*){12}$/);
    expect(numbers[0]).toBe(numbers[1]);
  });

  test('use the keyboard alone', async () => {
    const [alice, bob] = [await visit(), await visit()];
    const code = await bob.code();
    await alice.code();
    const { keyboard } = alice.page;
    const focused = () => alice.page.evaluate('document.activeElement.id');
    for (let tabs = 0; (await focused()) !== 'their-code'; tabs++) {
      expect(tabs).toBeLessThan(8);
      await keyboard.press('Tab');
    }
    await keyboard.type(code.toLowerCase());
    await keyboard.press('Enter');
    await alice.page.locator('#talk-name', { hasText: code }).waitFor();
    expect(await focused()).toBe('text');
    await keyboard.type('No mouse');
    await keyboard.press('Enter');
    await bob.accepts();
    await bob.hears('No mouse');
  });

  longTest('look at what the relay sees: the actual frames, and in them no word', async () => {
    const { alice } = await talking();
    await alice.page.click('#wire-toggle');
    // The newest is on top: only the oldest keeps its place while more come.
    const message = alice.page.locator('.frame', { hasText: 'message to' }).last();
    await message.locator('summary').click();
    expect(await message.locator('pre').textContent()).toMatch(/"ciphertext": "[A-Za-z0-9+/=]+/);
    for (const summary of await alice.page.locator('.frame summary').all()) await summary.click();
    expect(await alice.page.locator('#frames').textContent()).not.toContain('Hello');
    await alice.page.keyboard.press('Escape');
    expect(await alice.page.locator('#wire').isVisible()).toBe(false);
  });

  longTest('begin by a link that has the code in it', async () => {
    const bob = await visit();
    const code = await bob.code();
    const alice = await visit(`${relay.http}/#${code}`);
    await alice.code();
    await alice.page.waitForFunction(`document.querySelector('#their-code').value === '${code}'`);
    await alice.page.click('#start button');
    await alice.say('From your QR code');
    await bob.accepts();
    await bob.hears('From your QR code');
  });
});

describe('finding the way', () => {
  longTest('a code is taken with a dash, as a link, and as an address of this page', async () => {
    const { alice, bobsCode: code } = await browsers.talking(relay.http);
    const dashed = ` ${code.slice(0, 3).toLowerCase()}-${code.slice(3)} `;
    for (const written of [dashed, `${relay.http}/#${code}`, `${relay.http}/#/${code}`]) {
      await alice.page.goto(relay.http);
      await alice.is('live');
      await alice.startWith(written);
      expect(new URL(alice.page.url()).hash).toBe(`#/${code}`);
    }
  });

  longTest('a link to a code works in a page that is open, and asks first', async () => {
    const { alice } = await talking();
    const code = await (await visit()).code();
    await alice.page.evaluate(`location.hash = '#${code}'`);
    await alice.page.locator('#new-sheet').waitFor();
    expect(await alice.page.inputValue('#new-code')).toBe(code);
    await alice.page.click('#new-go');
    await alice.page.locator('#talk-name', { hasText: code }).waitFor();
  });

  longTest('Back leads to the conversation before, and a reload keeps the open one', async () => {
    const { alice, bobsCode } = await browsers.talking(relay.http);
    const code = await (await visit()).code();
    await alice.startWith(code);
    await alice.page.goBack();
    await alice.page.locator('#talk-name', { hasText: bobsCode }).waitFor();
    await alice.page.reload();
    await alice.page.locator('#talk-name', { hasText: bobsCode }).waitFor();
    await alice.page.goForward();
    await alice.page.locator('#talk-name', { hasText: code }).waitFor();
  });

  test('an unknown code shows an error beside the field', async () => {
    const alice = await visit();
    await alice.code();
    await alice.page.fill('#their-code', '0000000');
    await alice.page.press('#their-code', 'Enter');
    await alice.page.locator('#start-error', { hasText: 'No user has this code' }).waitFor();
  });
});

describe('leaving', () => {
  longTest('deletes the account at the relay too, and the code is gone', async () => {
    const alice = await visit();
    const code = await alice.code();
    await alice.is('live');
    await alice.page.click('#settings-open');
    await alice.page.click('#delete');
    await alice.page.locator('#delete-words', { hasText: 'Your account at the relay goes too' }).waitFor();
    await alice.page.click('#delete-go');
    await alice.page.locator('#code').filter({ hasNotText: code }).filter({ hasText: /\w{7}/ }).waitFor();
    expect((await fetch(`${relay.http}/users/${code}`)).status).toBe(410);
  });

  longTest('says what stays at a relay that cannot be reached', async () => {
    const own = await processes.relay({});
    const alice = await browsers.visit(own.http);
    await alice.is('live');
    await own.kill();
    await alice.isTold('offline');
    await alice.page.click('#settings-open');
    await alice.page.click('#delete');
    await alice.page.locator('#delete-words', { hasText: 'The relay keeps your code' }).waitFor();
  });
});

test('it can be installed, and is served with a policy that lets nothing else in', async () => {
  const answer = await fetch(relay.http);
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  const manifest = (await (await fetch(`${relay.http}/manifest.webmanifest`)).json()) as {
    name: string;
    icons: { src: string; type: string }[];
  };
  expect(manifest).toMatchObject({ name: 'keyrelay', start_url: '/', display: 'standalone' });
  for (const { src, type } of manifest.icons) {
    const icon = await fetch(relay.http + src);
    expect([icon.status, icon.headers.get('content-type')]).toEqual([200, type]);
  }
  const without = await processes.relay({ RELAY_WEB: 'false' });
  expect((await fetch(without.http)).status).toBe(404);
});
