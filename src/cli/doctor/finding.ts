/**
 * - `good`
 * - `poor`: it runs, and something is worse than it could be
 * - `bad`: it does not run, or what was accepted may be lost
 */
export interface Finding {
  readonly verdict: 'good' | 'poor' | 'bad';
  /** Begins with what it is about. */
  readonly says: string;
  /** The command or the change that mends it; absent where nothing is wrong. */
  readonly mend?: string;
}

export function good(says: string): Finding {
  return { verdict: 'good', says };
}

export function poor(says: string, mend: string): Finding {
  return { verdict: 'poor', says, mend };
}

export function bad(says: string, mend: string): Finding {
  return { verdict: 'bad', says, mend };
}
