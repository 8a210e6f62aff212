import { ensureInstalled as ensure, type Tool } from '../../../src/cli/dev/install.ts';

/**
 * Tests run against real servers. A missing one is installed where that is allowed, which is said aloud;
 * elsewhere this throws and names the command that would install it. Nothing is skipped.
 */
export function ensureInstalled(...tools: readonly Tool[]): void {
  ensure(tools, (line) => process.stderr.write(`${line}\n`));
}
