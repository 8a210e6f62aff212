import { expect, test } from 'vitest';
import { logsMarkdown, metricsMarkdown, settingsMarkdown } from '../../support/documents/reference.ts';

const REMEDY = 'the page is behind the code: npm run docs';

test('docs/settings.md is generated from the settings', async () => {
  await expect(settingsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/settings.md');
});

test('docs/metrics.md is generated from the metrics', async () => {
  await expect(metricsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/metrics.md');
});

test('docs/logs.md is generated from the log events', async () => {
  await expect(logsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/logs.md');
});
