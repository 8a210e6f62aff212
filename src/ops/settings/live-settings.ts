import { brokenRelations, type Config, loadConfig, readValue } from './config.ts';
import type { Setting } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that can change while nodes run. */
export interface LiveSetting {
  readonly name: string;
  /** As an operator would write it. */
  readonly value: string;
  /** `operator`: changed for all nodes by the admin API. `node`: from this node's environment or file, or the default. */
  readonly source: 'operator' | 'node';
}

const LIVE = (Object.keys(SETTINGS) as SettingName[]).filter((name) => isLive(SETTINGS[name]));

/**
 * The settings of a running node. What operators have changed for all nodes is stronger than the node's own settings.
 * Those that can change are read from `config` whenever they are used: no part may keep a copy.
 */
export class LiveSettings {
  readonly config: Config;
  readonly #env: Environment;
  #own: Config;
  #changed: ReadonlyMap<string, string> = new Map();

  /** @throws ConfigError */
  constructor(env: Environment) {
    this.#env = env;
    this.#own = loadConfig(env);
    this.config = { ...this.#own };
  }

  /** Reads the files again. Returns the variables whose value has changed. @throws ConfigError, and nothing changes */
  reload(): readonly string[] {
    this.#own = loadConfig(this.#env);
    return this.#apply();
  }

  /** @param changed by operators, for all nodes; what this version does not know, or cannot be, is ignored */
  change(changed: ReadonlyMap<string, string>): readonly string[] {
    this.#changed = changed;
    return this.#apply();
  }

  list(): readonly LiveSetting[] {
    return LIVE.map((name) => {
      const { env } = SETTINGS[name];
      const isChanged = this.#changed.has(env) && this.wrong(env, this.#changed.get(env) ?? '') === null;
      return { name: env, value: textOf(name, this.config), source: isChanged ? 'operator' : 'node' };
    });
  }

  /** What is wrong with changing a setting to this, in words; null if nothing is. */
  wrong(variable: string, text: string): string | null {
    const name = LIVE.find((each) => SETTINGS[each].env === variable);
    if (name === undefined)
      return `${variable} cannot change at run time: there are ${liveNames().join(', ')}`;
    const read = readValue(SETTINGS[name], text);
    if ('wrong' in read) return read.wrong;
    return brokenRelations({ ...this.config, [name]: read.value })[0] ?? null;
  }

  #apply(): readonly string[] {
    const changed: string[] = [];
    for (const name of LIVE) {
      const { env } = SETTINGS[name];
      const text = this.#changed.get(env);
      const read =
        text === undefined || this.wrong(env, text) !== null ? null : readValue(SETTINGS[name], text);
      const value = read !== null && 'value' in read ? read.value : this.#own[name];
      if (JSON.stringify(value) === JSON.stringify(this.config[name])) continue;
      Object.assign(this.config, { [name]: value });
      changed.push(env);
    }
    return changed;
  }
}

/** Variables. */
function liveNames(): readonly string[] {
  return LIVE.map((name) => SETTINGS[name].env);
}

function isLive(setting: Setting<unknown>): boolean {
  return setting.live === true;
}

function textOf(name: SettingName, config: Config): string {
  const value = config[name];
  const { unit }: Setting<unknown> = SETTINGS[name];
  if (value === null) return '';
  return `${unit === 'seconds' ? Number(value) / 1000 : value}`;
}
