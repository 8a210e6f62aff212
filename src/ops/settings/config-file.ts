import { readFileSync } from 'node:fs';

/** Where settings come from beside the environment: one file for all, and a file for each secret. */

type Environment = Readonly<Record<string, string | undefined>>;

/** `NAME=value`; quotes around a value are dropped. */
const LINE = /^(?:export\s+)?(RELAY_[A-Z0-9_]+)\s*=\s*(?:"(.*)"|'(.*)'|(.*?))\s*$/;

/**
 * The environment, completed by the lines of RELAY_CONFIG_FILE (the environment is stronger) and by the files that
 * `<secret>_FILE` names. Mistakes name files and lines, never a value.
 */
export function readSources(
  env: Environment,
  secrets: readonly string[],
): { readonly env: Environment; readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const isSet = (name: string, from: Environment) => (from[name]?.trim() ?? '') !== '';
  const merged: Record<string, string | undefined> = {};
  if (isSet('RELAY_CONFIG_FILE', env))
    Object.assign(merged, linesOf(env.RELAY_CONFIG_FILE?.trim() ?? '', mistakes));
  for (const [name, value] of Object.entries(env)) {
    if (isSet(name, env) || !(name in merged)) merged[name] = value;
  }
  for (const secret of secrets) {
    const variable = `${secret}_FILE`;
    if (!isSet(variable, merged)) continue;
    if (isSet(secret, merged)) mistakes.push(`${secret} and ${variable}: set one of them`);
    const text = readText(variable, merged[variable]?.trim() ?? '', mistakes);
    if (text === null) continue;
    if (text.trim() === '')
      mistakes.push(`${variable} names an empty file: it must hold the value of ${secret}`);
    merged[secret] = text.trim();
  }
  return { env: merged, mistakes };
}

function linesOf(path: string, mistakes: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = (readText('RELAY_CONFIG_FILE', path, mistakes) ?? '').split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const where = `RELAY_CONFIG_FILE, line ${index + 1}`;
    const [, name, ...values] = LINE.exec(line.trim()) ?? [];
    if (name === undefined) mistakes.push(`${where}: must be RELAY_NAME=value, or a comment after #`);
    else if (name === 'RELAY_CONFIG_FILE') mistakes.push(`${where}: a file cannot name another`);
    else if (name in found) mistakes.push(`${where}: ${name} stands there twice`);
    else found[name] = values.find((value) => value !== undefined) ?? '';
  }
  return found;
}

function readText(variable: string, path: string, mistakes: string[]): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    mistakes.push(`${variable} cannot be read: ${code ?? 'no file'}, ${JSON.stringify(path)}`);
    return null;
  }
}
