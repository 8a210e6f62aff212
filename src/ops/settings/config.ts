import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { readSources } from './config-file.ts';
import type { Setting } from './setting.ts';
import { CLIENT_VARIABLES, SETTINGS, type SettingName } from './settings.ts';

/** The configuration of a node: one readonly field per setting; durations in ms. */
export type Config = {
  readonly [K in SettingName]: z.output<(typeof SETTINGS)[K]['schema']>;
};

/** Of RELAY_ACCOUNT_IDLE_TTL, where anybody may register. */
const OPEN_IDLE_TTL_MS = 180 * 24 * 60 * 60 * 1000;

/** How long an account may be idle before it is deleted; 0: for ever. */
export function idleTtlMs({ accountIdleTtlMs, registration }: Config): number {
  return accountIdleTtlMs ?? (registration === 'open' ? OPEN_IDLE_TTL_MS : 0);
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES = Object.keys(SETTINGS) as SettingName[];

const SECRETS = NAMES.flatMap((name) => {
  const { env, secret }: Setting<unknown> = SETTINGS[name];
  return secret === true ? [env] : [];
});

/**
 * Reads every `RELAY_*` variable, from the environment or from RELAY_CONFIG_FILE; an empty one counts as unset.
 * @throws ConfigError with all mistakes
 */
export function loadConfig(environment: Environment): Config {
  const { env, mistakes: unreadable } = readSources(environment, SECRETS);
  const mistakes = [...unreadable, ...unknownVariables(env)];
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of NAMES) {
    const result = readValue(SETTINGS[name], env[SETTINGS[name].env]?.trim() ?? '');
    if ('wrong' in result) mistakes.push(result.wrong);
    else values[name] = result.value;
  }
  // Relations are checked only between valid values.
  mistakes.push(...brokenRelations(values as Partial<Config>));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return Object.freeze(values as Config);
}

/** @param given '' counts as unset */
export function readValue(
  setting: Setting<unknown>,
  given: string,
): { readonly value: unknown } | { readonly wrong: string } {
  const result = setting.schema.safeParse(given === '' ? setting.default : given);
  if (result.success) return { value: result.data };
  const shown = setting.secret === true ? 'is wrong' : `is ${JSON.stringify(given.slice(0, 80))}`;
  const why = describeIssues(result.error.issues);
  return { wrong: `${setting.env} ${shown}: ${why}${serviceLinkHint(given)}` };
}

/** Each message once, with the list entries that it is about. */
function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const entriesOf = new Map<string, number[]>();
  for (const { message, path } of issues) {
    const entries = entriesOf.get(message) ?? [];
    if (typeof path[0] === 'number') entries.push(path[0] + 1);
    entriesOf.set(message, entries);
  }
  const messages = [...entriesOf].map(([message, entries]) => {
    if (entries.length === 0) return message;
    return `${message} (${entries.length === 1 ? 'entry' : 'entries'} ${entries.join(', ')})`;
  });
  return messages.join(', ');
}

/** Kubernetes sets RELAY_PORT and others for a Service called `relay`. */
function serviceLinkHint(given: string): string {
  return /^(tcp|udp):\/\//.test(given)
    ? ' (Kubernetes sets this for a Service of that name: say enableServiceLinks: false in the pod)'
    : '';
}

function unknownVariables(env: Environment): string[] {
  const known = [
    ...NAMES.map((name) => SETTINGS[name].env),
    ...SECRETS.map((name) => `${name}_FILE`),
    ...Object.keys(CLIENT_VARIABLES),
  ];
  return Object.keys(env)
    .filter((name) => name.startsWith('RELAY_') && !known.includes(name))
    .sort()
    .map((name) => {
      const close = nearest(name, known);
      const hint = close === undefined ? '`keyrelay --help` lists all settings' : `did you mean ${close}?`;
      return `Unknown setting ${name}: ${hint}${serviceLinkHint(env[name] ?? '')}`;
    });
}

const TYPO_DISTANCE_MAX = 4;

function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= TYPO_DISTANCE_MAX ? best.candidate : undefined;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** `larger` must be at least `smaller`, or else `why`. */
const RELATIONS: readonly {
  readonly larger: NumberSetting;
  readonly smaller: NumberSetting;
  readonly why: string;
}[] = [
  { larger: 'windowBytes', smaller: 'maxFrameBytes', why: 'the largest envelope would never be sent' },
  { larger: 'mailboxBytes', smaller: 'maxFrameBytes', why: 'the largest envelope would never be stored' },
  {
    larger: 'inflightBytesPerSocket',
    smaller: 'maxFrameBytes',
    why: 'the largest envelope would never be stored',
  },
  {
    larger: 'inflightBytes',
    smaller: 'inflightBytesPerSocket',
    why: 'no socket could use what it is allowed',
  },
  {
    larger: 'bytesPerSecond',
    smaller: 'maxFrameBytes',
    why: 'the largest envelope would be refused for ever',
  },
];

type NumberSetting = { [K in SettingName]: Config[K] extends number ? K : never }[SettingName];

export function brokenRelations(config: Partial<Config>): string[] {
  const broken: string[] = [];
  for (const { larger, smaller, why } of RELATIONS) {
    const a = config[larger];
    const b = config[smaller];
    const off = a === 0;
    if (a === undefined || b === undefined || off || a >= b) continue;
    broken.push(
      `${SETTINGS[larger].env} is ${a}: must be at least ${SETTINGS[smaller].env} (${b}), or ${why}`,
    );
  }
  if ((config.tlsCert === '') !== (config.tlsKey === '')) {
    broken.push('RELAY_TLS_CERT and RELAY_TLS_KEY belong together: set both, or neither');
  }
  if ((config.redisWaitReplicas ?? 0) > 0 && config.redisUrls?.length === 0) {
    broken.push('RELAY_REDIS_WAIT_REPLICAS needs RELAY_REDIS_URL: the memory engine has no replicas');
  }
  if (config.wakeUrl !== undefined && config.wakeUrl !== '') {
    if (config.wakeSecret?.length === 0) {
      broken.push(
        'RELAY_WAKE_URL needs RELAY_WAKE_SECRET, by which the receiver knows that a message is yours',
      );
    }
    if (config.wakeUrl.startsWith('http:') && config.wakePrivate === false) {
      broken.push('RELAY_WAKE_URL must be https:, or RELAY_WAKE_PRIVATE must be true');
    }
  }
  if (config.pushVapidKey !== undefined && config.pushVapidKey !== null && config.pushSubject === '') {
    broken.push('RELAY_PUSH_VAPID_KEY needs RELAY_PUSH_SUBJECT, by which push services reach you');
  }
  return broken;
}
