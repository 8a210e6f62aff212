import type { Connection } from './session/connection.ts';

const STEP_MS = 50;

export interface DrainOptions {
  /** Live: a connection leaves the set when it has closed. */
  readonly connections: ReadonlySet<Connection>;
  /** Over how long the closes are spread. */
  readonly drainMs: number;
  readonly onProgress: (remaining: number) => void;
}

/**
 * Closes every connection with 1012, evenly over `drainMs`, so that clients do not come back all at once.
 * Resolves when all are closed, those that were opened meanwhile included.
 */
export async function drain({ connections, drainMs, onProgress }: DrainOptions): Promise<void> {
  const restarting = new Map<Connection, Promise<void>>();
  const steps = Math.max(1, Math.floor(drainMs / STEP_MS));
  for (let step = 0; step < steps && connections.size > 0; step += 1) {
    const waiting = [...connections].filter((connection) => !restarting.has(connection));
    const share = Math.ceil(waiting.length / (steps - step));
    for (const connection of waiting.slice(0, share)) restarting.set(connection, connection.restart());
    onProgress(connections.size);
    if (step < steps - 1) await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  for (const connection of connections) {
    if (!restarting.has(connection)) restarting.set(connection, connection.restart());
  }
  await Promise.all(restarting.values());
  onProgress(connections.size);
}
