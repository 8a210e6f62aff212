import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../src/cli/dev/servers.ts';
import { createIdentity } from '../../src/client/index.ts';
import { longTest } from '../support/long.ts';
import { type RedisServer, startRedis } from '../support/redis/redis.ts';
import { Processes } from '../support/servers/processes.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { Browsers, type Visitor } from './browsers.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 90_000 });

const processes = new Processes();
const browsers = new Browsers();
let redis: RedisServer;
let relay: RelayNode;

beforeAll(async () => {
  redis = await startRedis({ appendonly: 'yes', appendfsync: 'always' });
  relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
});
afterEach(() => browsers.leave());
afterAll(async () => {
  await browsers.stop();
  await processes.stop();
  await redis.remove();
});

const visit = (url = relay.http) => browsers.visit(url);

/** Alice and Bob, who have said hello to each other. */
async function talking(url = relay.http): Promise<{ alice: Visitor; bob: Visitor }> {
  const { alice, bob } = await browsers.talking(url);
  await bob.say('Hello Alice');
  await alice.hears('Hello Alice');
  return { alice, bob };
}

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

describe('when something is in the way', () => {
  test('who was offline finds three messages on return, and the sender sees them delivered', async () => {
    const { alice, bob } = await talking();
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

  test('a relay that is killed and comes back only makes messages wait', async () => {
    const settings = { RELAY_REDIS_URL: redis.url, RELAY_PORT: `${await freePort()}` };
    const fragile = await processes.relay(settings);
    const { alice, bob } = await talking(fragile.http);
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

  test('a key that changes is a warning, and nothing is sent until it is accepted', async () => {
    const { alice, bob } = await talking();
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

  longTest('a second tab leaves the first alone, and can take over', async () => {
    const { alice, bob } = await talking();
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

  longTest('a relay that was set up anew gives a new code', async () => {
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

  test('an unknown code shows an error beside the field', async () => {
    const alice = await visit();
    await alice.code();
    await alice.page.fill('#their-code', '0000000');
    await alice.page.press('#their-code', 'Enter');
    await alice.page.locator('#start-error', { hasText: 'No user has this code' }).waitFor();
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
