import { defineConfig } from 'vitest/config';

const SHARED = { root: import.meta.dirname, testTimeout: 20_000, hookTimeout: 60_000 };

export default defineConfig({
  cacheDir: '../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    // Real servers share two cores: a few files at a time keep timing honest.
    maxWorkers: 2,
    projects: [
      { test: { ...SHARED, name: 'source', include: ['{unit,engine}/**/*.test.ts'] } },
      {
        test: {
          ...SHARED,
          name: 'processes',
          include: ['{e2e,faults,browser}/**/*.test.ts'],
          globalSetup: ['support/global-setup.ts'],
        },
      },
    ],
  },
});
