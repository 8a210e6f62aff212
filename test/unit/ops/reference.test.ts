import { expect, test } from 'vitest';
import { adminMarkdown, adminOpenApi } from '../../support/documents/admin-api.ts';
import { logsMarkdown, metricsMarkdown, settingsMarkdown } from '../../support/documents/reference.ts';

const REMEDY = 'the page is behind the code: npm run docs';

test('docs/settings.md is generated from the settings', async () => {
  await expect(settingsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/settings.md');
});

test('docs/metrics.md is generated from the metrics', async () => {
  await expect(metricsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/metrics.md');
});

test('docs/admin-api.md and docs/admin-api.json are generated from the routes', async () => {
  await expect(adminMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/admin-api.md');
  await expect(adminOpenApi(), REMEDY).toMatchFileSnapshot('../../../docs/admin-api.json');
});

test('docs/logs.md is generated from the log events', async () => {
  await expect(logsMarkdown(), REMEDY).toMatchFileSnapshot('../../../docs/logs.md');
});
