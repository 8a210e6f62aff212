import { parse } from '../command.ts';

/** Runs a node, or several with `--workers`, until a signal asks it to stop. */
export async function run(args: readonly string[]): Promise<number> {
  const { workers } = parse(args, { workers: { type: 'string' } });
  const { logStartErrors } = await import('./start-error.ts');
  return logStartErrors(async () => {
    if (workers === undefined) return (await import('./node.ts')).runNode();
    const { runWorkers, workerCount } = await import('./workers.ts');
    return runWorkers(workerCount(workers));
  });
}
