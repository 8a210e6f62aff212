import { afterAll, beforeAll } from 'vitest';
import type { Settings } from '../../../src/cli/dev/servers.ts';
import { ALONE, Processes } from './processes.ts';
import { RelayNode } from './relay-node.ts';

/** Processes that the tests of a file or a `describe` start: what still runs behind the last test is ended. */
export function processesForTests(): Processes {
  const processes = new Processes();
  afterAll(async () => {
    const { nodes } = processes;
    await processes.stop();
    nodes.forEach(hasNoWarning);
  });
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
    return async () => {
      await relay.kill();
      hasNoWarning(relay);
    };
  });
  return relay;
}

/** uWebSockets writes one for each part of an answer that leaves alone, because nothing gathers them. */
function hasNoWarning({ id, output }: RelayNode): void {
  const [warning] = /^Warning: .*$/m.exec(output) ?? [];
  if (warning !== undefined) throw new Error(`${id} has written to its stderr: ${warning}`);
}
