import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['{unit,engine,e2e,faults,browser}/**/*.test.ts'],
    globalSetup: ['support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real servers share two cores: a few files at a time keep timing honest.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
