import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, vi } from 'vitest';
import { Firefox, type FirefoxPage } from '../support/browsers/firefox.ts';
import { folderForTests } from '../support/folder.ts';
import { longTest } from '../support/long.ts';
import { relayForTests } from '../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const folder = folderForTests();
const relay = relayForTests();
let firefox: Firefox;

beforeAll(async () => {
  firefox = await Firefox.launch();
  return () => firefox.stop();
});

const said = (text: string) =>
  `[...document.querySelectorAll('.message .text')].some((each) => each.textContent === ${JSON.stringify(text)})`;
const marked = (text: string, mark: string) =>
  `[...document.querySelectorAll('.message.mine')].some((each) => each.textContent.includes(${JSON.stringify(text)}) && each.querySelector('[data-mark=${mark}]'))`;

async function codeOf(page: FirefoxPage): Promise<string> {
  await page.sees(`/^[0-9A-Z]{7}$/.test(document.querySelector('#code').textContent)`);
  return String(await page.evaluate(`document.querySelector('#code').textContent`));
}

longTest(
  'in Firefox two people meet, talk both ways, send a file, and find all of it after a reload',
  async () => {
    const [alice, bob] = [await firefox.visit(relay.http), await firefox.visit(relay.http)];
    const code = await codeOf(bob);
    await codeOf(alice);
    await alice.sees(`!document.querySelector('#their-code').disabled`);
    await alice.enter('#their-code', code);
    await alice.sees(`!document.querySelector('#talk').hidden`);
    await alice.enter('#text', 'Hello Bob');
    await bob.sees(`document.querySelector('.person .unread')`);
    await bob.click('.person');
    await bob.click('#banner-actions button');
    await bob.sees(said('Hello Bob'));
    await alice.sees(marked('Hello Bob', 'read'));
    await bob.enter('#text', 'Hello Alice');
    await alice.sees(said('Hello Alice'));
    // Her page lies behind his in one window: it is hidden, and reads nothing.
    await bob.sees(marked('Hello Alice', 'delivered'));

    const path = join(folder, 'notes.txt');
    await writeFile(path, 'n'.repeat(300_000));
    await alice.choose('#file', [path]);
    await bob.sees(`document.querySelector('.message.theirs .file[data-state=done]')`);
    await alice.sees(`document.querySelector('.message.mine .file[data-state=done]')`);

    for (const page of [alice, bob]) {
      await page.reload();
      await page.sees(`document.querySelector('#connection').dataset.state === 'live'`);
      await page.sees(said('Hello Bob'));
      await page.sees(said('Hello Alice'));
      await page.sees(`document.querySelector('.file[data-state=done]')`);
    }
    await bob.enter('#text', 'Still here');
    await alice.sees(said('Still here'));
    // The same number on both sides: the same keys.
    const numbers = await Promise.all(
      [alice, bob].map(async (page) => {
        await page.click('#safety-open');
        return page.evaluate(`document.querySelector('#safety-number').textContent`);
      }),
    );
    expect(numbers[0]).toMatch(/^\d{60}$/);
    expect(numbers[0]).toBe(numbers[1]);
    expect(firefox.complaints).toEqual([]);
  },
);
