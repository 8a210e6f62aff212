import type { KeyObject } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { identityFrom } from '../../../src/client/account/identity.ts';
import { browsersForTests, type Visitor } from '../../support/browsers/chromium.ts';
import { sendStored } from '../../support/clients/scene.ts';
import { approached, peopleForTests } from '../../support/clients/sdk.ts';
import { longTest } from '../../support/long.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

const relay = relayForTests();
const browsers = browsersForTests();
const people = peopleForTests();

const talking = () => browsers.talking(relay.http);

/** What scrolls the conversation. */
const LIST = `document.querySelector('#messages')`;
describe('a long conversation', () => {
  longTest('shows a part at a time, and the rest as one scrolls up and down', async () => {
    const { alice, bobsCode } = await talking();
    await alice.remembers(bobsCode, 2_000);
    await alice.page.reload();
    await alice.page.locator('.message', { hasText: 'Entry 2000 ' }).waitFor();
    const inPage = () => alice.page.locator('.message').count();
    expect(await inPage()).toBeLessThan(150);
    for (const wanted of ['Entry 1700 ', 'Entry 1000 ', 'Entry 1 ']) {
      const scroll = `(${LIST}.scrollTop = 0, [...document.querySelectorAll('.message')].some((e) => e.textContent.includes('${wanted}')))`;
      await until(() => alice.page.evaluate<boolean>(scroll), { what: wanted, timeoutMs: 40_000 });
    }
    expect(await inPage()).toBeLessThanOrEqual(400);
    await alice.page.click('#to-newest');
    await alice.page.locator('.message', { hasText: 'Entry 2000 ' }).waitFor();
    await alice.page.fill('#search', 'entry 1234 ');
    await alice.page.locator('.person', { hasText: 'Entry 1234 ' }).click();
    await alice.page.locator('.item.found', { hasText: 'Entry 1234 ' }).waitFor();
  });

  longTest('dates of earlier years have their year, and the list says a day rather than a time', async () => {
    const { alice, bobsCode } = await talking();
    await alice.remembers(bobsCode, 1, Date.UTC(2021, 4, 3, 12));
    await alice.page.reload();
    await alice.page.locator('.day', { hasText: '3 May 2021' }).waitFor();
    expect(await alice.page.locator('.person .when').textContent()).toBe('3 May 2021');
  });

  longTest('two hundred messages come at once, in order', async () => {
    const { alice, bob } = await talking();
    const send = `(async () => {
      const text = document.querySelector('#text');
      for (let number = 1; number <= 200; number++) {
        text.value = 'Quick ' + number + ' ';
        document.querySelector('#compose').requestSubmit();
      }
      return document.querySelectorAll('.message.mine').length;
    })()`;
    // Shown before anything is stored.
    expect(await alice.page.evaluate(send)).toBe(201);
    await bob.hears('Quick 200 ');
    const quick = (await bob.thread()).filter((text) => text.startsWith('Quick'));
    expect(quick).toEqual(Array.from({ length: 200 }, (_, index) => `Quick ${index + 1}`));
  });
});

const DAY_MS = 86_400_000;

test('what comes stays in sight for a reader of the newest, from the first message on', async () => {
  const { alice, bob } = await talking();
  const many = `(() => {
    const text = document.querySelector('#text');
    for (let number = 0; number < 30; number++) {
      text.value = 'Line ' + number + '.';
      document.querySelector('#compose').requestSubmit();
    }
  })()`;
  await alice.page.evaluate(many);
  await bob.hears('Line 29.');
  const pxBelow = `${LIST}.scrollHeight - ${LIST}.scrollTop - ${LIST}.clientHeight`;
  expect(await bob.page.evaluate(pxBelow)).toBeLessThan(20);
  await alice.sees('Line 29.', 'read');
});

test('a message that waited for days shows when it was sent, in the thread and in the list', async () => {
  const { alice, bob } = await talking();
  await bob.page.goto('about:blank');
  await alice.say('Sent while you were away');
  const sentMs = Date.now();
  await alice.sees('Sent while you were away', 'stored');
  await bob.page.clock.install({ time: sentMs + 3 * DAY_MS });
  await bob.page.goto(relay.http);
  await bob.page.locator('.person .unread').waitFor();
  const day = (form: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', form).format(sentMs);
  expect(await bob.page.locator('.person .when').textContent()).toBe(day({ weekday: 'long' }));
  await bob.page.click('.person');
  await bob.hears('Sent while you were away');
  const time = ({ page }: Visitor) =>
    page.locator('.message', { hasText: 'Sent while you were away' }).locator('time').textContent();
  expect(await time(bob)).toBe(await time(alice));
  const above = day({ weekday: 'long', day: 'numeric', month: 'long' });
  expect(await bob.page.locator('.day').last().textContent()).toBe(above);
});

/** Of a plain client, as the SDK wants it. */
function identityOf({ eddsaPrivateKey, ecdhPrivateKey }: PlainUser) {
  const raw = (key: KeyObject) => new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }).subarray(-32));
  return identityFrom(raw(eddsaPrivateKey), raw(ecdhPrivateKey));
}

test('what did not arrive is noted in its conversation, whichever is open at the time', async () => {
  const user = await registerUser(relay.http);
  const identity = identityOf(user);
  const bob = await people.join(relay.http, { identity });
  const coming = approached(bob);
  const alice = await browsers.visit(relay.http);
  const code = await alice.code();
  await alice.startWith(bob.code);
  await alice.say('Hello Bob');
  await (await coming).send('Hello Alice');
  await alice.hears('Hello Alice');
  await people.leave();
  await alice.startWith((await registerUser(relay.http)).code);

  const plain = await PlainClient.login(relay.ws, user, { protocol: 2 });
  const payload = {
    exchange: 'ab'.repeat(32),
    counter: 0,
    ciphertext: Buffer.alloc(60).toString('base64'),
  };
  await sendStored(plain, { sender: user, recipient: code, payload });
  await plain.close();
  // Two messages were sent that the relay never had.
  const { storage } = bob;
  const stream = JSON.parse((await storage.load()).get(`stream:${code}`) ?? '');
  await storage.write(new Map([[`stream:${code}`, JSON.stringify({ ...stream, next: stream.next + 2 })]]));
  const again = await people.join(relay.http, { identity, storage });
  await again.relay.conversations[0]?.send('After the gap');
  await alice.page.locator('.person .unread').waitFor();

  const notes = [
    'A message could not be decrypted. Their browser has been asked to send it again.',
    '2 messages did not arrive.',
  ];
  await alice.page.click(`.person[data-code="${bob.code}"]`);
  await alice.hears('After the gap');
  expect(await alice.page.locator('.note').allTextContents()).toEqual(notes);
  await alice.page.reload();
  await alice.hears('After the gap');
  expect(await alice.page.locator('.note').allTextContents()).toEqual(notes);
});

/** The browser decides by itself, or asks the user: here it gives this answer. */
const persistence = (answer: boolean) => `
  globalThis.asked ??= 0;
  StorageManager.prototype.persist = async () => { globalThis.asked += 1; return ${answer}; };
  StorageManager.prototype.persisted = async () => globalThis.asked > 0 && ${answer};`;

test('the browser is asked, once, to keep what was said, and settings tell its answer', async () => {
  const alice = await browsers.visit(relay.http);
  const { page } = alice;
  await alice.code();
  const asked = () => page.evaluate('globalThis.asked');
  const answer = async (words: string) => {
    await page.click('#settings-open');
    await page.locator('#kept', { hasText: words }).waitFor();
    await page.click('#settings [data-close]');
  };
  await page.evaluate(persistence(true));
  await answer('may clear it when the disk is full');
  expect(await asked()).toBe(0);
  await alice.startWith((await registerUser(relay.http)).code);
  for (const text of ['Hello', 'Are you there?']) await alice.say(text);
  await alice.sees('Are you there?', 'waiting');
  expect(await asked()).toBe(1);
  await answer('keeps it until you delete it');
  await page.evaluate(persistence(false));
  await answer('may clear it when the disk is full');
});
