import type { TextSchema } from './setting-schemas.ts';

export interface Setting<T> {
  /** The environment variable. */
  readonly env: string;
  /** As an operator would write it; the empty text counts as unset. */
  readonly default: string;
  /** What the default does, where the text alone does not say it. */
  readonly defaultMeans?: string;
  readonly unit?: string;
  readonly description: string;
  /** May hold a password: never printed. */
  readonly secret?: true;
  readonly schema: TextSchema<T>;
}

/** Only for its type: each setting keeps that of its value. */
export function setting<T>(declared: Setting<T>): Setting<T> {
  return declared;
}
