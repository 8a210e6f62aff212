import { hostname, userInfo } from 'node:os';
import { readSources } from '../../ops/settings/config-file.ts';
import { UsageError } from '../command.ts';

const DEFAULT_URL = 'http://127.0.0.1:9464';
const ANSWER_WITHIN_MS = 30_000;

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The API refused, or cannot be reached; the message is for people. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Asks the admin API. Resolves with the JSON of the answer, null without one. @throws Refused */
export async function ask({ method, path, query = {}, body }: Request): Promise<unknown> {
  const { url, token } = access();
  const target = new URL(path, url);
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
  const response = await fetch(target, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      'X-Operator': `${userInfo().username}@${hostname()}`.replace(/[^ -~]/g, '?'),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).catch((error: unknown) => {
    const { cause } = error as { cause?: { message?: string } };
    throw new Refused(0, `${target.origin} cannot be reached: ${cause?.message || String(error)}`);
  });
  const text = await response.text();
  if (response.ok) return text === '' ? null : JSON.parse(text);
  throw new Refused(response.status, detailOf(text) ?? `${target.origin} answered ${response.status}`);
}

function access(): { url: string; token: string } {
  const { env, mistakes } = readSources(process.env, ['RELAY_ADMIN_TOKEN']);
  if (mistakes.length > 0) throw new UsageError(mistakes.join('; '));
  const token = env.RELAY_ADMIN_TOKEN?.trim() ?? '';
  if (token === '')
    throw new UsageError('set RELAY_ADMIN_TOKEN or RELAY_ADMIN_TOKEN_FILE, as the nodes have it');
  const url = env.RELAY_ADMIN_URL?.trim() || DEFAULT_URL;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`RELAY_ADMIN_URL is ${url}: must be such as ${DEFAULT_URL}`);
  }
  return { url, token };
}

function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : null;
  } catch {
    return null;
  }
}
