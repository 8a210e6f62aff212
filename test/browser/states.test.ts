import { describe, expect, test, vi } from 'vitest';
import { browsersForTests, type Look, PICTURES, type Visitor } from '../support/browsers/chromium.ts';
import { relayForTests } from '../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const relay = relayForTests();
const browsers = browsersForTests();

const visit = (look: Look = {}) => browsers.visit(relay.http, look);

/** Whatever one can press must be large enough (WCAG 2.2, 2.5.8), and nothing may stick out at the side. */
const MISFITS = `(() => {
  const small = [...document.querySelectorAll('button')]
    .filter((each) => each.checkVisibility())
    .filter((each) => { const { width, height } = each.getBoundingClientRect(); return width < 24 || height < 24; })
    .map((each) => each.id || each.className || each.textContent);
  const wide = document.documentElement.scrollWidth > innerWidth ? ['wider than the screen'] : [];
  return [...small, ...wide];
})()`;

/** What moves for longer than one sees, by the styles that hold now. */
const MOVING = `[...document.querySelectorAll('*')].flatMap((each) => ['', '::before', '::after']
  .filter((part) => {
    const { animationName, animationDuration, transitionDuration } = getComputedStyle(each, part);
    const durations = animationName === 'none' ? transitionDuration : animationDuration + ',' + transitionDuration;
    return durations.split(',').some((duration) => parseFloat(duration) > 0.01);
  })
  .map((part) => 'moves: ' + (each.id || each.className || each.tagName) + part))`;

const LOOKS = [
  { device: 'desktop', colorScheme: 'light' },
  { device: 'narrow', colorScheme: 'dark', reducedMotion: 'reduce' },
  { device: 'desktop', colorScheme: 'dark' },
  { device: 'phone', colorScheme: 'light' },
  { device: 'phone', colorScheme: 'dark' },
  { device: 'zoomed', colorScheme: 'light' },
] as const;

describe('every state of the page', () => {
  // The one with the least room; all when pictures are wanted.
  const looks = PICTURES === null ? LOOKS.filter(({ device }) => device === 'narrow') : LOOKS;

  test.each(looks)('is whole, and axe finds nothing in it: $device, $colorScheme', async (look) => {
    const { device, colorScheme } = look;
    const still = 'reducedMotion' in look;
    const alice = await visit(look);
    const { page } = alice;
    const wrong: string[] = [];
    const state = async (name: string) => {
      await alice.picture(`${name}-${device}-${colorScheme}`);
      const misfits = (await page.evaluate(MISFITS)) as string[];
      if (still) misfits.push(...((await page.evaluate(MOVING)) as string[]));
      wrong.push(...[...misfits, ...(await alice.axeFindings())].map((each) => `${name}: ${each}`));
    };
    await alice.code();
    await alice.is('live');
    await state('first-visit');

    const bob = await visit();
    await bob.page.click('#settings-open');
    await bob.page.fill('#own-name', 'Bob');
    await bob.page.keyboard.press('Tab');
    await bob.page.keyboard.press('Escape');
    await bob.startWith(await alice.code());
    await bob.say('Hello! Is it true that nobody else can read this, not even the relay?');
    await page.locator('.person .unread').waitFor();
    if (device !== 'desktop') await state('list');
    await page.click('.person');
    await alice.isTold('request');
    await state('request');
    await page.click('#banner-actions button:has-text("Accept")');
    await alice.say('Yes. Open “What the relay sees”, and look: https://example.org/how-it-works');
    await bob.page.setInputFiles('#file', {
      name: 'tram.png',
      mimeType: 'image/png',
      buffer: await tram(bob),
    });
    await page.locator('.file[data-state="done"] img').waitFor();
    await page.locator('.message.theirs .about').first().click();
    await state('message');
    await page.click('#message-actions button:has-text("Reply")');
    await alice.say('Both of us are.');
    await alice.say('😀');
    await alice.sees('😀', 'read');
    await state('conversation');

    await page.click('#talk-name');
    await page.fill('#person-name', 'Bob from the tram');
    await state('person');
    await page.selectOption('#timer', '3600');
    await page.press('#person-name', 'Enter');
    await alice.sees('😀', 'read');
    await alice.say('This goes away again.');
    await page.locator('.message .icon use[href="#icon-timer"]').waitFor({ state: 'attached' });
    await alice.sees('This goes away again.', 'read');
    await state('disappearing');
    await page.click('#safety-open');
    await state('safety-number');
    await page.click('#safety-verify');
    await page.locator('#talk-state', { hasText: 'compared' }).waitFor();

    await page.click('#settings-open');
    await state('settings');
    await page.keyboard.press('Escape');
    await page.click('#wire-toggle');
    await page.locator('.frame summary').nth(1).click();
    await state('what-the-relay-sees');
    await page.click('#wire-close');

    const back = () => (device === 'desktop' ? Promise.resolve() : page.click('#back'));
    await back();
    await page.fill('#search', 'Both of us');
    await page.locator('.person', { hasText: 'Both of us' }).click();
    await page.locator('.item.found').waitFor();
    await state('found');
    await back();
    await page.fill('#search', '');
    await page.click('#new');
    await state('new-conversation');
    await page.fill('#new-code', '0000000');
    await page.press('#new-code', 'Enter');
    await page.locator('#new-error', { hasText: 'No user has this code' }).waitFor();
    await page.fill('#new-code', await (await visit()).code());
    await page.press('#new-code', 'Enter');
    await page.locator('.beginning').waitFor();
    await state('empty');
    await page.click('#talk-name');
    await page.click('#person-actions button:has-text("Block")');
    await alice.isTold('blocked');
    await state('blocked');
    // As the line at the top looks for a moment at each connect, and at the end.
    for (const [name, words] of [
      ['connecting', 'Connecting…'],
      ['ended', 'Not connected'],
    ]) {
      await page.evaluate(`(() => {
        document.querySelector('#connection').dataset.state = '${name}';
        document.querySelector('#connection-text').textContent = '${words}';
      })()`);
      await state(`${name}`);
    }
    expect(wrong).toEqual([]);
  });
});

/** A picture, drawn by a browser. */
async function tram({ page }: Visitor): Promise<Buffer> {
  const url = (await page.evaluate(`(() => {
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 400;
    const paint = canvas.getContext('2d');
    const box = (colour, x, y, width, height) => { paint.fillStyle = colour; paint.fillRect(x, y, width, height); };
    box('#bcd9e8', 0, 0, 640, 290);
    box('#7d8a78', 0, 290, 640, 110);
    box('#c8452f', 90, 130, 460, 160);
    box('#f3e9d2', 90, 215, 460, 14);
    for (let window = 0; window < 5; window++) box('#2e3d47', 112 + window * 88, 150, 64, 54);
    for (const wheel of [170, 250, 400, 480]) { paint.fillStyle = '#20262a'; paint.beginPath(); paint.arc(wheel, 294, 20, 0, 7); paint.fill(); }
    return canvas.toDataURL('image/png');
  })()`)) as string;
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}
