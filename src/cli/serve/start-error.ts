import { createLog } from '../../ops/log/log.ts';
import { ConfigError } from '../../ops/settings/config-error.ts';
import { exitCodeOf } from '../command.ts';

/**
 * Runs a command whose standard output is a log: what it fails with is written there as lines of that log, and as words
 * where a person sees standard error.
 */
export async function logStartErrors(run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (process.stdout.isTTY) throw error;
    // The settings may be what is wrong.
    const log = createLog({ logLevel: 'info', nodeId: process.env.RELAY_NODE_ID ?? '' });
    for (const reason of reasons(error)) log.error('cannot start', { reason });
    if (process.stderr.isTTY) throw error;
    return exitCodeOf(error);
  }
}

function reasons(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.mistakes;
  return [error instanceof Error ? error.message : String(error)];
}
