import { expect, test } from 'vitest';
import { logsMarkdown, metricsMarkdown, settingsMarkdown } from '../../support/documents/reference.ts';

const REMEDY = 'the page is behind the code: npm run docs';

test('docs/settings.md tells every setting as the code has it', async () => {
  await expect(settingsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/settings.md');
});

test('docs/metrics.md tells every metric as the code has it', async () => {
  await expect(metricsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/metrics.md');
});

test('docs/logs.md tells every event as the code has it', async () => {
  await expect(logsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/logs.md');
});
