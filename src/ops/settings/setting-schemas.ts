import { createECDH } from 'node:crypto';
import { z } from 'zod';
import { ORIGIN_RIGHT, readOrigin } from './origin.ts';

/**
 * How the text of an environment variable becomes a value. Each schema takes a trimmed string; its message says what
 * would be right, and the caller puts the name of the setting and the refused text before it.
 */
export type TextSchema<T> = z.ZodType<T, string>;

/** A comma list; the empty text is the empty list. */
function listOf<T>(entry: z.ZodType<T, string>, separator: RegExp = /,/): TextSchema<readonly T[]> {
  return z
    .string()
    .transform((text) => (text === '' ? [] : text.split(separator).map((part) => part.trim())))
    .pipe(z.array(entry));
}

interface IntegerBounds {
  readonly min: number;
  readonly max: number;
  readonly zero?: string;
}

function rightOf({ min, max, zero }: IntegerBounds): string {
  return `must be a whole number from ${min} to ${max}${zero === undefined ? '' : `, or 0 (${zero})`}`;
}

/** A whole number in the unit of the setting; `zero` says what 0 means if it is outside the range. */
export function integer(bounds: IntegerBounds): TextSchema<number> {
  const { min, max, zero } = bounds;
  const right = rightOf(bounds);
  const digits = z
    .string()
    .regex(/^\d{1,15}$/, right)
    .transform(Number);
  const inRange = z.number().min(min, right).max(max, right);
  return digits.pipe(zero === undefined ? inRange : z.union([z.literal(0), inRange], right));
}

/** Seconds, kept as milliseconds. */
export function seconds(bounds: { min: number; max: number }): TextSchema<number> {
  return integer(bounds).transform((value) => value * 1000);
}

/** Seconds, kept as milliseconds: a day at least, 0 for never, '' (null) for what depends on other settings. */
export function idleTtl(): TextSchema<number | null> {
  const bounds = { min: 86_400, max: 315_360_000, zero: 'never' };
  const unset = z.literal('').transform(() => null);
  return z.union([unset, integer(bounds).transform((value) => value * 1000)], rightOf(bounds));
}

export function boolean(): TextSchema<boolean> {
  const error = 'must be true or false';
  return z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive', error });
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T): TextSchema<T[number]> {
  return z
    .string()
    .refine((text) => values.includes(text), `must be one of ${values.join(', ')}`)
    .transform((text) => text as T[number]);
}

export function host(): TextSchema<string> {
  const error = 'must be an address or a host name, such as 127.0.0.1, ::1, 0.0.0.0 or localhost';
  // With underscores, which `z.hostname` refuses: names of containers have them.
  const name = z.string().regex(/^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i);
  return z.union([z.ipv4(), z.ipv6(), name], error);
}

/** A path, or '' for none. Whether the file exists shows when it is read. */
export function file(): TextSchema<string> {
  return z.string().regex(/^[^\0]*$/, 'must be the path of a file');
}

/** A secret that cannot be guessed, or '' for none. */
export function token(): TextSchema<string> {
  return z.string().regex(/^([!-~]{16,256})?$/, 'must be 16 to 256 visible ASCII characters without spaces');
}

/** @param generate makes a name if the text is empty */
export function nodeId(generate: () => string): TextSchema<string> {
  const error =
    'must be 1 to 64 letters, digits, dots, hyphens or underscores, beginning with a letter or digit';
  const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, error);
  return z.union([z.literal('').transform(generate), name], error);
}

export function protocols(): TextSchema<readonly (1 | 2)[]> {
  const choices: Readonly<Record<string, readonly (1 | 2)[]>> = {
    '1,2': [1, 2],
    '2,1': [1, 2],
    '1': [1],
    '2': [2],
  };
  return z
    .string()
    .transform((text) => text.replaceAll(' ', ''))
    .pipe(z.enum(Object.keys(choices), { error: 'must be 1,2 or 1 or 2' }))
    .transform((text) => choices[text] ?? []);
}

const SENTINEL_URL = /^rediss?\+sentinel:\/\/[^\s/]+\/[^\s/]/;

/** Checks the form only; the Redis engine interprets the parts. */
export function redisUrls(): TextSchema<readonly string[]> {
  const url = z
    .string()
    .refine(
      (text) => isRedisUrl(text) || SENTINEL_URL.test(text),
      'must be redis://host:port, rediss://host:port (TLS), several of them with commas between (Cluster), ' +
        'or redis+sentinel://host:port,host:port/name (rediss+sentinel:// for TLS)',
    );
  // A Sentinel URL contains commas: only a comma before a scheme separates URLs.
  return listOf(url, /,(?=\s*[a-z+]+:\/\/)/);
}

function isRedisUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^rediss?:$/.test(url.protocol) && /^[^,]+$/.test(url.hostname);
}

/** As clients dial it and protocol 2 signs it: lower case, without the default port. */
export function publicUrls(): TextSchema<readonly string[]> {
  const url = z
    .string()
    .refine(
      isPublicUrl,
      'must be the URL that clients dial, such as wss://relay.example/ws (always ending in /ws)',
    )
    .transform((text) => new URL(text).href.toLowerCase());
  return listOf(url);
}

function isPublicUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return (
    url !== null &&
    (url.protocol === 'wss:' || url.protocol === 'ws:') &&
    url.pathname === '/ws' &&
    url.username + url.password + url.search + url.hash === ''
  );
}

/** As `readOrigin` reads them, or `*` alone. */
export function origins(): TextSchema<readonly string[] | '*'> {
  const origin = z
    .string()
    .refine((text) => readOrigin(text) !== null, ORIGIN_RIGHT)
    .transform((text) => readOrigin(text) ?? '');
  return z.literal('*').or(listOf(origin));
}

/** `address/prefix`; an address alone means only itself. */
export function cidrs(): TextSchema<readonly string[]> {
  const network = z.union(
    [
      z.cidrv4(),
      z.cidrv6(),
      z.ipv4().transform((address) => `${address}/32`),
      z.ipv6().transform((address) => `${address}/128`),
    ],
    'must be a list of networks such as 10.0.0.0/8 or fd00::/8',
  );
  return listOf(network);
}

/** Where messages are posted, or '' for nowhere. */
export function webhookUrl(): TextSchema<string> {
  const error = 'must be a URL such as https://push.example/keyrelay, without user, password and fragment';
  return z.literal('').or(z.string().refine(isWebhookUrl, error));
}

function isWebhookUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password + url.hash === '';
}

/** A secret as Standard Webhooks writes it, as bytes; empty for none. */
export function webhookSecret(): TextSchema<Buffer> {
  const error =
    'must be whsec_ and 24 to 64 random bytes in base64: echo whsec_$(head -c 32 /dev/urandom | base64)';
  const secret = z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, error)
    .transform((text) => Buffer.from(text.slice('whsec_'.length), 'base64'))
    .refine((bytes) => bytes.length >= 24 && bytes.length <= 64, error);
  return z.union([z.literal('').transform(() => Buffer.alloc(0)), secret], error);
}

export interface VapidKey {
  /** Base64url: of the private key 32 bytes, of the public key an uncompressed point. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/** A private key of P-256 as RFC 8292 has it, with its public key; null for none. */
export function vapidKey(): TextSchema<VapidKey | null> {
  const error = 'must be a private key of P-256, 32 bytes in base64url: keyrelay admin vapid';
  const key = z
    .string()
    .regex(/^[\w-]{43}$/, error)
    .transform((privateKey, context) => {
      const ecdh = createECDH('prime256v1');
      try {
        ecdh.setPrivateKey(privateKey, 'base64url');
        return { privateKey, publicKey: ecdh.getPublicKey('base64url') };
      } catch {
        context.addIssue({ code: 'custom', message: error });
        return z.NEVER;
      }
    });
  return z.union([z.literal('').transform(() => null), key], error);
}

export function pushSubject(): TextSchema<string> {
  return z
    .string()
    .regex(/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)?$/, 'must be mailto:you@example.org, or an https: URL');
}

export function pushHosts(): TextSchema<readonly string[]> {
  const host = /^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?$/;
  const error = 'must be hosts such as ntfy.example.org or *.push.example, with commas between';
  return z
    .string()
    .transform((text) =>
      text
        .toLowerCase()
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== ''),
    )
    .refine((hosts) => hosts.length <= 64 && hosts.every((each) => host.test(each)), error);
}
