import type { Tool } from '../../../src/cli/dev/install.ts';
import { ensureInstalled } from '../../support/servers/install.ts';
import { NotRun } from './trial.ts';

/** Installs what a scenario needs. Where that is not allowed the scenario does not run, and says what would install it. */
export function needs(...tools: readonly Tool[]): void {
  try {
    ensureInstalled(...tools);
  } catch (error) {
    throw new NotRun(error instanceof Error ? error.message : String(error));
  }
}
