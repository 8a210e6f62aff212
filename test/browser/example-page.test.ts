import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Browsers } from '../support/browsers/chromium.ts';
import { exampleFolder } from '../support/clients/example-folder.ts';
import { approached, peopleForTests, take } from '../support/clients/sdk.ts';
import { processesForTests } from '../support/servers/for-tests.ts';

const processes = processesForTests();
const people = peopleForTests();
/** Without the complaints that `browsersForTests` looks for: the relay is another host than the page's. */
const browsers = new Browsers();
afterAll(() => browsers.stop());
let examples: Awaited<ReturnType<typeof exampleFolder>>;
let server: Server;
/** Another origin than the relay's. */
let site = '';

beforeAll(async () => {
  examples = await exampleFolder();
  const folder = join(examples.path, 'web-page');
  await build({
    entryPoints: [join(folder, 'page.js')],
    bundle: true,
    format: 'esm',
    outfile: join(folder, 'bundle.js'),
  });
  server = createServer(async ({ url }, response) => {
    const script = url?.startsWith('/bundle.js') === true;
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(await readFile(join(folder, script ? 'bundle.js' : 'index.html')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await examples.remove();
});

test('the example of a page talks with a program, and is the same person after a reload', async () => {
  const relay = await processes.relay();
  const bob = await people.join(relay.http);
  const { page } = await browsers.visit(`${site}/?relay=${encodeURIComponent(relay.http)}`);
  const code = page.locator('#code').filter({ hasText: /^[0-9A-Z]{7}$/ });
  await code.waitFor();
  const own = await code.textContent();
  const coming = approached(bob);
  await page.fill('[name=to]', bob.code);
  await page.fill('[name=text]', 'Hello from the page');
  await page.click('button');
  const toPage = await coming;
  expect((await take(toPage, 1)).map(({ body }) => body)).toEqual(['Hello from the page']);
  await page.locator('li', { hasText: 'Hello from the page (delivered)' }).waitFor();
  await toPage.send('Hello page');
  await page.locator('li', { hasText: `${bob.code}: Hello page` }).waitFor();
  await page.reload();
  await code.waitFor();
  expect(await code.textContent()).toBe(own);
  await toPage.send('Still you?');
  await page.locator('li', { hasText: 'Still you?' }).waitFor();
}, 120_000);
