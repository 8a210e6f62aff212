import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script as Redis knows it. */
export interface Script {
  /** The verb: its file is `lua/<name>.lua`. */
  readonly name: string;
  readonly keys: number;
  readonly sha: string;
  readonly source: Buffer;
}

const NAMES = [
  'deliver',
  'claim',
  'reclaim',
  'read',
  'confirm',
  'release',
  'reserve',
  'create',
  'register',
  'settle-key',
  'settle-count',
  'settle-user',
  'drop-key',
  'reopen',
  'probe',
] as const;

export type ScriptName = (typeof NAMES)[number];
export type Scripts = Readonly<Record<ScriptName, Script>>;

/** Reads all scripts from the folder beside this file. */
export function loadScripts(): Scripts {
  return Object.fromEntries(NAMES.map((name) => [name, loadScript(name)])) as unknown as Scripts;
}

function loadScript(name: ScriptName): Script {
  const text = readLua(name).replaceAll(/^-- include (\w+)\.lua$/gm, (_, file: string) => readLua(file));
  // The header is what the number of keys is taken from, so that it cannot lie.
  const keys = text.match(/^-- KEYS\[\d+\]/gm)?.length ?? 0;
  if (!text.startsWith('#!lua') || keys === 0)
    throw new Error(`lua/${name}.lua lacks its #!lua line or its KEYS`);
  const source = Buffer.from(text, 'utf8');
  return { name, keys, sha: createHash('sha1').update(source).digest('hex'), source };
}

function readLua(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
}
