import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import type { Stage } from '../stage.ts';

/** A real fault that makes alerts fire, and its repair, which makes them resolve. */
export interface Fault {
  readonly what: string;
  readonly alerts: readonly string[];
  /** Takes ten minutes or more to fire or to resolve, and touches nothing that another slow one needs. */
  readonly slow: boolean;
  /** Resolves with the repair. */
  begin(stage: Stage): Promise<() => unknown>;
}

/** Repeats a task. @returns stops it */
export function repeatedly(everyMs: number, task: () => unknown): () => Promise<void> {
  let going = true;
  const loop = (async () => {
    while (going) {
      await Promise.resolve(task()).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return async () => {
    going = false;
    await loop;
  };
}

/** A new user; asks again if the relay is busy with another fault. */
export const newUser = (http: string): Promise<PlainUser> => registerUser(http, { tries: 10 });
