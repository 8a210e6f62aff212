import { defineConfig } from 'vitest/config';

// Only a hang takes so long: a busy machine is no fault of what is tested.
const PATIENCE = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };
const SHARED = { root: import.meta.dirname, ...PATIENCE };

export default defineConfig({
  cacheDir: '../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    // Most files wait for real servers half of the time: one more than the two cores that they need.
    maxWorkers: 3,
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
