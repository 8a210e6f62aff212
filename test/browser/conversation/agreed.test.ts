import { expect, test, vi } from 'vitest';
import { browsersForTests, type Visitor } from '../../support/browsers/chromium.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

/** What two people agree on: that messages disappear, and that they see each other typing. */
const relay = relayForTests();
const browsers = browsersForTests();

async function talking(): Promise<{ alice: Visitor; bob: Visitor }> {
  const { alice, bob } = await browsers.talking(relay.http);
  await alice.sees('Hello Bob', 'read');
  return { alice, bob };
}

/** The hour is over for everything that disappears, without waiting for it. */
async function anHourLater({ page }: Visitor): Promise<void> {
  await page.clock.install({ time: Date.now() + 3_601_000 });
  await page.reload();
  await page.clock.runFor(2_000);
}

/** Everything that a page has stored of messages and files. */
const STORED = `Promise.all(['keyrelay-history', 'keyrelay-files', 'keyrelay-relay'].map((name) => new Promise((resolve) => {
  const open = indexedDB.open(name);
  open.onsuccess = () => {
    const stores = [...open.result.objectStoreNames];
    const transaction = open.result.transaction(stores);
    Promise.all(stores.map((store) => new Promise((found) => {
      const all = transaction.objectStore(store).getAll();
      all.onsuccess = () => found(all.result.map((value) => value instanceof Blob ? 'file of ' + value.size : String(value)).join('\\n'));
    }))).then((texts) => { open.result.close(); resolve(texts.join('\\n')); });
  };
}))).then((texts) => texts.join('\\n'))`;

test('messages and files disappear on both sides, and from what the browser keeps', async () => {
  const { alice, bob } = await talking();
  await alice.page.click('#talk-name');
  await alice.page.selectOption('#timer', '3600');
  await alice.page.keyboard.press('Escape');
  for (const each of [alice, bob])
    await each.page.locator('.note', { hasText: 'disappear 1 hour after they are read' }).waitFor();
  await bob.page.locator('#talk-state', { hasText: 'disappears after 1 hour' }).waitFor();
  await alice.say('Tell no one');
  await alice.page.setInputFiles('#file', {
    name: 'secret.txt',
    mimeType: 'text/plain',
    buffer: Buffer.alloc(12_345, 's'),
  });
  await bob.page.locator('.file[data-state="done"]').waitFor();
  await bob.say('I will not');
  await alice.sees('secret.txt', 'read');
  await bob.sees('I will not', 'read');
  await alice.page.locator('.message', { hasText: 'Tell no one' }).locator('.about').click();
  await alice.page.locator('#message-about dt', { hasText: 'Disappears' }).waitFor();
  for (const each of [alice, bob]) {
    expect(await each.page.evaluate(STORED)).toContain('file of 12345');
    await anHourLater(each);
    await each.page.locator('.note').first().waitFor();
    // What was said before the timer stays.
    await expect.poll(() => each.thread()).toEqual(['Hello Bob']);
    await expect
      .poll(async () => String(await each.page.evaluate(STORED)))
      .not.toMatch(/Tell no one|I will not|file of 12345/);
  }
});

longTest('who has it on sees the other typing, if that one has it on too', async () => {
  const { alice, bob } = await talking();
  for (const each of [alice, bob]) {
    await each.page.click('#settings-open');
    await each.page.check('#typing');
    await each.page.keyboard.press('Escape');
  }
  // Each learns of the other's wish by what is said.
  await bob.say('And you?');
  await alice.hears('And you?');
  await alice.say('Fine');
  await alice.sees('Fine', 'read');
  await alice.page.locator('#text').pressSequentially('Well, ');
  await bob.page.locator('#talk-state', { hasText: 'Typing' }).waitFor();
  await alice.say('that is it');
  await bob.hears('that is it');
  await bob.page.locator('#talk-state', { hasText: 'Encrypted' }).waitFor();
});
