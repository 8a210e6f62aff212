import { beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../src/cli/dev/servers.ts';
import { createIdentity } from '../../src/client/index.ts';
import { browsersForTests } from '../support/browsers/chromium.ts';
import { longTest } from '../support/long.ts';
import { redisForTests } from '../support/redis/for-tests.ts';
import { processesForTests } from '../support/servers/for-tests.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

/** Keeps users over a restart of their relay. */
const redis = redisForTests({ appendonly: 'yes', appendfsync: 'always' });
const processes = processesForTests();
const browsers = browsersForTests();
let relay: RelayNode;

beforeAll(async () => {
  relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
});

const talking = (url = relay.http) => browsers.talking(url);
const visit = (url = relay.http) => browsers.visit(url);

/** Counts connects. Every wait is minutes long, so that what comes within it was asked for. */
const COUNT_TRIES = `(() => {
  globalThis.tries = 0;
  Math.random = () => 1_000;
  const connection = document.querySelector('#connection');
  const changed = () => { if (connection.dataset.state === 'connecting') globalThis.tries += 1; };
  new MutationObserver(changed).observe(connection, { attributes: true });
})()`;
/** The SDK tries once a second at most, however often it is asked. */
const ASKED_AGAIN_AFTER_MS = 1_100;

describe('somebody who is away', () => {
  test('who was offline finds three messages on return, and the sender sees them delivered', async () => {
    const { alice, bob } = await browsers.talkingBothWays(relay.http);
    const { context } = bob;
    await bob.page.close();
    for (const text of ['one', 'two', 'three']) await alice.say(text);
    await alice.sees('three', 'stored');
    await alice.picture('stored');
    const again = await browsers.openTab(context, relay.http);
    await again.page.locator('.person .unread', { hasText: '3' }).waitFor();
    await again.page.click('.person');
    await again.hears('three');
    expect(await again.thread()).toEqual(['Hello Bob', 'Hello Alice', 'one', 'two', 'three']);
    await alice.sees('three', 'read');
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

describe('a relay that is away', () => {
  test('a relay that is killed and comes back only makes messages wait', async () => {
    const settings = { RELAY_REDIS_URL: redis.url, RELAY_PORT: `${await freePort()}` };
    const fragile = await processes.relay(settings);
    const { alice, bob } = await browsers.talkingBothWays(fragile.http);
    await fragile.kill();
    await alice.is('offline');
    await alice.say('Are you there?');
    await alice.sees('Are you there?', 'waiting');
    await alice.isTold('offline');
    await alice.picture('offline');
    await processes.relay(settings);
    await bob.hears('Are you there?');
    await alice.sees('Are you there?', 'read');
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

  test('a long wait ends at once when the user asks for it, writes, or looks at the page again', async () => {
    const settings = { RELAY_PORT: `${await freePort()}`, RELAY_REDIS_URL: redis.url };
    const own = await processes.relay(settings);
    const { alice } = await talking(own.http);
    await alice.sees('Hello Bob', 'read');
    const { page } = alice;
    await page.evaluate(COUNT_TRIES);
    const tries = () => page.evaluate<number>('globalThis.tries');
    const waits = page.locator('#banner-text', { hasText: /Next try in \d{3,} s/ });
    await own.kill();
    const asks = {
      'Try now': () => page.click('#banner-actions button:has-text("Try now")'),
      'a message': () => alice.say('Are you back?'),
      focus: () => page.evaluate(`dispatchEvent(new Event('focus'))`),
      visibility: () => page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`),
    };
    const waiting = async () => {
      await alice.is('offline');
      await waits.waitFor();
      await new Promise((resolve) => setTimeout(resolve, ASKED_AGAIN_AFTER_MS));
    };
    for (const [what, ask] of Object.entries(asks)) {
      await waiting();
      const before = await tries();
      await ask();
      await expect.poll(tries, { message: what }).toBe(before + 1);
    }
    await waiting();
    await processes.relay(settings);
    await asks['Try now']();
    await alice.is('live');
    await alice.sees('Are you back?', 'stored');
  });
});

describe('a relay that was set up anew', () => {
  longTest('gives a new code', async () => {
    const settings = { RELAY_PORT: `${await freePort()}` };
    const first = await processes.relay(settings);
    const alice = await visit(first.http);
    const before = await alice.code();
    await first.kill();
    await processes.relay(settings);
    await alice.isTold('forgotten');
    await alice.page.click('#banner-actions button');
    await alice.is('live');
    expect(await alice.code()).not.toBe(before);
  });

  longTest('leaves everything that was said to be read', async () => {
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
});

describe('two tabs', () => {
  longTest('a second tab leaves the first alone, and can take over', async () => {
    const { alice, bob } = await browsers.talkingBothWays(relay.http);
    const second = await browsers.openTab(alice.context, relay.http);
    await second.isTold('elsewhere');
    await second.page.locator('.person').first().click();
    await second.hears('Hello Alice');
    await second.picture('two-tabs');
    await alice.say('Still in the first tab');
    await bob.hears('Still in the first tab');
    await second.page.click('#banner-actions button');
    await second.is('live');
    await alice.isTold('displaced');
    await second.say('Now in the second');
    await bob.hears('Now in the second');
    // And back again, by one click.
    await alice.page.click('#banner-actions button');
    await alice.is('live');
    await second.isTold('displaced');
    expect(await alice.thread()).toEqual([
      'Hello Bob',
      'Hello Alice',
      'Still in the first tab',
      'Now in the second',
    ]);
  });

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
});

test('a key that changes is a warning, and nothing is sent until it is accepted', async () => {
  const { alice, bob } = await browsers.talkingBothWays(relay.http);
  const code = await bob.code();
  await bob.page.close();
  // The operator of the relay puts another key behind Bob's code.
  const { eddsaPublicKey, ecdhPublicKey } = createIdentity();
  await redis.call('HSET', `user:{${code}}`, 'eddsa', eddsaPublicKey, 'ecdh', ecdhPublicKey);
  // Opening the conversation is enough to learn of it.
  await alice.page.reload();
  await alice.isTold('changed');
  await alice.page.locator('.person .trust-changed').waitFor();
  expect(await alice.page.locator('#text').isDisabled()).toBe(true);
  await alice.picture('key-changed');
  expect(await alice.axeFindings()).toEqual([]);
  await alice.page.click('#banner-actions button');
  await alice.page.click('#safety-accept');
  await alice.page.locator('#banner').waitFor({ state: 'hidden' });
  await alice.say('To the new key');
  await alice.sees('To the new key', 'waiting');
});
