import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { browsersForTests, type Visitor } from '../../support/browsers/chromium.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 120_000 });

const relay = relayForTests();
const browsers = browsersForTests();

const talking = () => browsers.talking(relay.http);

/** Presses what saves a file, and gives what was saved. */
async function saved({ page }: Visitor, button: string): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

describe('a file', () => {
  test('that is small comes by itself, whatever its name and bytes', async () => {
    const { alice, bob } = await talking();
    const buffer = Buffer.from(Array.from({ length: 150_000 }, (_, index) => (index * 7) % 256));
    const name = 'Übersicht 1.bin';
    await alice.page.setInputFiles('#file', { name, mimeType: 'application/octet-stream', buffer });
    const got = await saved(bob, '.file button:has-text("Save")');
    expect([got.name, got.bytes.equals(buffer)]).toEqual([name, true]);
    await alice.page.locator('.file[data-state="done"]').waitFor();
    // It is there after a reload too.
    await bob.page.reload();
    expect((await saved(bob, '.file button:has-text("Save")')).bytes.equals(buffer)).toBe(true);
  });

  longTest(
    'that is large waits until it is wanted, shows how far it is, and goes on after a reload',
    async () => {
      const { alice, bob } = await talking();
      const buffer = Buffer.alloc(5_000_000, 'keyrelay');
      await alice.page.setInputFiles('#file', { name: 'large.bin', mimeType: '', buffer });
      await bob.page.click('.file button:has-text("Fetch")');
      await bob.page.locator('.file[data-state="moving"] progress').waitFor();
      await bob.page.reload();
      await bob.page.locator('.file[data-state="done"]').waitFor({ timeout: 100_000 });
      expect((await saved(bob, '.file button:has-text("Save")')).bytes.equals(buffer)).toBe(true);
    },
  );

  longTest('is cancelled by either side, on both', async () => {
    const { alice, bob } = await talking();
    await alice.page.setInputFiles('#file', {
      name: 'large.bin',
      mimeType: '',
      buffer: Buffer.alloc(9_000_000),
    });
    await bob.page.locator('.file button:has-text("Fetch")').waitFor();
    await alice.page.click('.file button:has-text("Cancel")');
    await bob.page.locator('.file[data-state="cancelled"]').waitFor();
    await alice.page.locator('.file[data-state="cancelled"]').waitFor();
  });
});

longTest('identity, names and history move to another browser by one file, and its passphrase', async () => {
  const { alice, bob } = await talking();
  const code = await bob.code();
  await bob.page.click('#talk-name');
  await bob.page.fill('#person-name', 'Alice from work');
  await bob.page.press('#person-name', 'Enter');
  await bob.page.click('#settings-open');
  await bob.page.fill('#passphrase', 'correct horse');
  const { name, bytes: buffer } = await saved(bob, '#export');

  const other = await browsers.visit(relay.http);
  await other.page.click('#settings-open');
  await other.page.fill('#passphrase', 'wrong horse');
  await other.page.setInputFiles('#import-file', { name, mimeType: 'text/plain', buffer });
  await other.page.locator('#move-error', { hasText: 'passphrase is wrong' }).waitFor();
  await other.page.fill('#passphrase', 'correct horse');
  await other.page.setInputFiles('#import-file', { name, mimeType: 'text/plain', buffer });
  await other.page.locator('.who', { hasText: 'Alice from work' }).click();
  await other.hears('Hello Bob');
  expect(await other.code()).toBe(code);
  await bob.isTold('displaced');
  await other.say('From the other browser');
  await alice.hears('From the other browser');

  await other.page.click('#settings-open');
  await other.page.click('#delete');
  await other.page.click('#delete-go');
  await other.page.locator('#their-code').waitFor();
  expect(await other.code()).not.toBe(code);
});
