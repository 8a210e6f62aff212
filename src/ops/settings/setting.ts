import type { TextSchema } from './setting-schemas.ts';

export interface Setting<T> {
  /** The environment variable. */
  readonly env: string;
  /** As an operator would write it; '' counts as unset. */
  readonly default: string;
  /** What the default does, if the text alone does not say it. */
  readonly defaultMeans?: string;
  readonly unit?: string;
  readonly description: string;
  /** May hold a password: never printed, and may come from the file that `<env>_FILE` names. */
  readonly secret?: true;
  /** Can change while a node runs. */
  readonly live?: true;
  readonly schema: TextSchema<T>;
}

/** Infers the type of the setting's value. */
export function setting<T>(declared: Setting<T>): Setting<T> {
  return declared;
}
