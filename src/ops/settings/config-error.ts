/** All mistakes in the settings, one sentence each. */
export class ConfigError extends Error {
  readonly code = 'config';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`${mistakes.length} invalid setting${mistakes.length === 1 ? '' : 's'}: ${mistakes.join('; ')}`);
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}
