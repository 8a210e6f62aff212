/**
 * What an exchange of keys and a message cost a client: in Chromium, and in Node beside it.
 *
 *   npm run bench:client
 */
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { toolPath } from '../../src/cli/dev/install.ts';
import { measure } from './client-costs.ts';

const bundle = await build({
  entryPoints: [join(process.cwd(), 'loadtest/micro/client-costs.ts')],
  bundle: true,
  write: false,
  format: 'iife',
  globalName: 'costs',
  logLevel: 'error',
});
const browser = await chromium.launch({ executablePath: toolPath('chromium'), args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  await page.addScriptTag({ content: bundle.outputFiles[0]?.text ?? '' });
  const inBrowser = await page.evaluate<Record<string, number>>('costs.measure()');
  const inNode = await measure();
  const rows = Object.entries(inBrowser).map(([step, ms]) => ({
    step,
    [`Chromium ${browser.version().split('.')[0]}, ms`]: ms.toFixed(2),
    [`Node ${process.versions.node.split('.')[0]}, ms`]: (inNode[step] ?? 0).toFixed(2),
  }));
  console.table(rows);
} finally {
  await browser.close();
}
