import { defineConfig } from 'vitest/config';

/** Longer than CI: `npm run drill`. One after the other, so that nothing else slows what is measured. */
export default defineConfig({
  cacheDir: '../../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: ['../support/global-setup.ts'],
    fileParallelism: false,
    maxConcurrency: 20,
    testTimeout: 3_600_000,
    hookTimeout: 300_000,
  },
});
