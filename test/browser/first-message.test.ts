import { expect, test } from 'vitest';
import { freePort } from '../../src/cli/dev/servers.ts';
import { browsersForTests } from '../support/browsers/chromium.ts';
import { processesForTests } from '../support/servers/for-tests.ts';
import { until } from '../support/until.ts';

const processes = processesForTests();
const browsers = browsersForTests();

const SERVE = 'dist/cli/main.js serve';

/**
 * What a newcomer waits for. With KEYRELAY_SCREENSHOTS=1 all that `npm start` does; otherwise without its build, because
 * other tests are using what it would write.
 */
const builds = process.env.KEYRELAY_SCREENSHOTS === '1';
const script = builds ? `npm run --silent build && exec node ${SERVE}` : `exec node ${SERVE}`;

test('from the start of a relay to the first encrypted message between two browsers: a minute is plenty', async () => {
  const port = await freePort();
  const env = { ...process.env, RELAY_PORT: `${port}`, RELAY_ADMIN_PORT: '0' };
  const startedMs = performance.now();
  await processes.command('sh', ['-c', script], env);
  const url = `http://127.0.0.1:${port}`;
  await until(
    () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    { what: 'the page', timeoutMs: 60_000 },
  );
  const servedMs = performance.now();

  const [alice, bob] = await Promise.all([browsers.visit(url), browsers.visit(url)]);
  let clicks = 0;
  const click = async (selector: string) => {
    clicks += 1;
    await alice.page.click(selector);
  };
  await alice.page.fill('#their-code', await bob.code());
  await click('#start-go');
  await alice.page.fill('#text', 'Hello');
  await click('#send');
  await bob.accepts();
  await bob.hears('Hello');
  const heardMs = performance.now();

  const seconds = (fromMs: number, toMs: number) => ((toMs - fromMs) / 1000).toFixed(1);
  console.info(
    `${builds ? 'npm start' : 'serve'}: page served after ${seconds(startedMs, servedMs)} s; first encrypted message ` +
      `${seconds(servedMs, heardMs)} s later, ${clicks} clicks`,
  );
  expect(heardMs - startedMs).toBeLessThan(60_000);
  expect(clicks).toBe(2);
});
