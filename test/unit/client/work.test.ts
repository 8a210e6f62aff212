import { expect, test } from 'vitest';
import { work } from '../../../src/client/account/work.ts';

test('work gives way to others while it runs, and ends with its signal', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 30);
  await expect(work({ challenge: 'c', bits: 26 }, controller.signal)).rejects.toMatchObject({
    code: 'aborted',
  });
});

test('work that no honest relay asks for is refused', async () => {
  await expect(work({ challenge: 'c', bits: 27 })).rejects.toMatchObject({ code: 'refused' });
});
