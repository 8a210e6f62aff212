import { afterAll, beforeAll } from 'vitest';
import type { Settings } from '../../../src/cli/dev/servers.ts';
import { ALONE, Processes } from './processes.ts';
import { RelayNode } from './relay-node.ts';

/** Processes that the tests of a file or a `describe` start: what still runs behind the last test is ended. */
export function processesForTests(): Processes {
  const processes = new Processes();
  afterAll(() => processes.stop());
  return processes;
}

/**
 * A node that all tests of a file or a `describe` share; without RELAY_REDIS_URL, in memory. It starts before them, and
 * before every `beforeAll` that stands behind this call.
 */
export function relayForTests(settings: Settings = {}): RelayNode {
  const relay = new RelayNode({ settings: { ...ALONE, ...settings } });
  beforeAll(async () => {
    await relay.start();
    return async () => void (await relay.kill());
  });
  return relay;
}
