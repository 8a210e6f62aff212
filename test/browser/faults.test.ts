import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../src/cli/dev/servers.ts';
import { ADMIN_TOKEN, admin } from '../support/clients/admin.ts';
import { longTest } from '../support/long.ts';
import { type RedisServer, startRedis } from '../support/redis/redis.ts';
import { Processes } from '../support/servers/processes.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { until } from '../support/until.ts';
import { Browsers } from './browsers.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 90_000 });

const processes = new Processes();
const browsers = new Browsers();
let relay: RelayNode;
/** Keeps users over a restart of their relay. */
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
  relay = await processes.relay({ RELAY_ADMIN_TOKEN: ADMIN_TOKEN });
});
afterEach(() => browsers.leave());
afterAll(async () => {
  await browsers.stop();
  await processes.stop();
  await redis.remove();
});

const visit = () => browsers.visit(relay.http);
const talking = (url = relay.http) => browsers.talking(url);

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

/** What scrolls the conversation. */
const LIST = `document.querySelector('#messages')`;

describe('what is written', () => {
  test('stays with its conversation as a draft, over a reload too', async () => {
    const { alice, bobsCode } = await talking();
    const cora = await visit();
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

describe('reading', () => {
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
    const { alice, bob } = await talking();
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

  longTest('only what is on the screen is read', async () => {
    const { alice, bob, bobsCode } = await talking();
    // Bob looks at another conversation meanwhile.
    const cora = await visit();
    await bob.startWith(await cora.code());
    for (let number = 1; number <= 40; number++) await alice.say(`Line ${number}.`);
    await bob.page.locator('.person .unread', { hasText: '40' }).waitFor();
    await alice.sees('Line 40.', 'delivered');
    await bob.page.locator('.person', { hasText: 'Line 40.' }).click();
    await bob.page.locator('.new-line').waitFor();
    await alice.sees('Line 1.', 'read');
    await bob.page.locator('#to-newest', { hasText: 'new' }).waitFor();
    expect(
      await alice.page
        .locator('.message.mine', { hasText: 'Line 40.' })
        .locator('[data-mark="read"]')
        .count(),
    ).toBe(0);
    await bob.page.click('#to-newest');
    await alice.sees('Line 40.', 'read');
    expect(bobsCode).toMatch(/^\w{7}$/);
  });
});

describe('finding the way', () => {
  longTest('a code is taken with a dash, as a link, and as an address of this page', async () => {
    const { alice, bobsCode: code } = await talking();
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
    const { alice, bobsCode } = await talking();
    const code = await (await visit()).code();
    await alice.startWith(code);
    await alice.page.goBack();
    await alice.page.locator('#talk-name', { hasText: bobsCode }).waitFor();
    await alice.page.reload();
    await alice.page.locator('#talk-name', { hasText: bobsCode }).waitFor();
    await alice.page.goForward();
    await alice.page.locator('#talk-name', { hasText: code }).waitFor();
  });
});

describe('when something is in the way', () => {
  longTest('a page that another tab has taken the place of cannot be mistaken for a live one', async () => {
    const { alice } = await talking();
    const second = await browsers.openTab(alice.context, relay.http);
    await second.isTold('elsewhere');
    for (let times = 0; times < 3; times++) await second.page.keyboard.press('Escape');
    await second.page.click('.person');
    await second.page.locator('.message', { hasText: 'Hello Bob' }).waitFor();
    expect(await second.page.locator('#banner').isVisible()).toBe(true);
    expect(await second.page.locator('#text').isDisabled()).toBe(true);
  });

  longTest('a new code leaves everything that was said to be read', async () => {
    const settings = { RELAY_PORT: `${await freePort()}` };
    const first = await processes.relay(settings);
    const { alice, bobsCode } = await talking(first.http);
    await alice.sees('Hello Bob', 'read');
    await first.kill();
    await processes.relay(settings);
    await alice.isTold('forgotten');
    await alice.page.click('#banner-actions button');
    await alice.is('live');
    await alice.page.click(`.person[data-code="${bobsCode}"]`);
    expect(await alice.thread()).toEqual(['Hello Bob']);
    await alice.isTold('before');
  });

  longTest(
    'the page opens without its relay, with everything that was said, and says when it tries again',
    async () => {
      const own = await processes.relay({});
      const { alice } = await talking(own.http);
      await alice.sees('Hello Bob', 'read');
      await alice.page.evaluate('navigator.serviceWorker.ready.then(() => true)');
      await own.kill();
      await alice.isTold('offline');
      await alice.page.reload();
      await alice.isTold('offline');
      await alice.page.locator('#banner-text', { hasText: /Next try in \d+ s/ }).waitFor();
      expect(await alice.thread()).toEqual(['Hello Bob']);
    },
  );

  longTest('a relay that is back is tried at once when one asks for it', async () => {
    const settings = { RELAY_PORT: `${await freePort()}`, RELAY_REDIS_URL: redis.url };
    const own = await processes.relay(settings);
    const alice = await browsers.visit(own.http);
    await alice.is('live');
    await own.kill();
    // The waits double: it has tried in vain some times.
    await alice.page
      .locator('#banner-text', { hasText: /Next try in ([4-9]|\d\d) s/ })
      .waitFor({ timeout: 80_000 });
    await processes.relay(settings);
    await alice.page.click('#banner-actions button:has-text("Try now")');
    await alice.is('live');
  });

  longTest('a full mailbox is said, and what waits goes when there is room', async () => {
    const small = await processes.relay({ RELAY_MAILBOX_ENVELOPES: '40' });
    const { alice, bob } = await talking(small.http);
    await bob.say('Hello Alice');
    await alice.hears('Hello Alice');
    const { context } = bob;
    await bob.page.close();
    for (let number = 1; number <= 11; number++) await alice.say(`Line ${number}.`);
    await alice.isTold('full');
    const again = await browsers.openTab(context, small.http);
    await again.page.click('.person');
    await again.hears('Line 11.');
    await alice.sees('Line 11.', 'delivered');
    await alice.page.locator('#banner[data-kind="full"]').waitFor({ state: 'hidden' });
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
