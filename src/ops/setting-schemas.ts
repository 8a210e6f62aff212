import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

/**
 * How the text of an environment variable becomes a value. Every schema takes a trimmed string and says, where
 * it refuses, what would be right; the caller puts the setting's name and the refused text before that.
 */
export type TextSchema<T> = z.ZodType<T, string>;

type Parse<T> = (text: string) => { readonly value: T } | { readonly wrong: string };

function schema<T>(parse: Parse<T>): TextSchema<T> {
  return z.string().transform((text, context) => {
    const result = parse(text);
    if ('value' in result) return result.value;
    context.addIssue({ code: 'custom', message: result.wrong });
    return z.NEVER;
  });
}

/** A comma list; the empty text is the empty list. The first wrong entry is named. */
function listOf<T>(parse: Parse<T>, split: RegExp = /,/): TextSchema<readonly T[]> {
  return schema((text) => {
    const values: T[] = [];
    for (const entry of text === '' ? [] : text.split(split)) {
      const result = parse(entry.trim());
      if ('wrong' in result) return { wrong: `${result.wrong} (entry ${values.length + 1})` };
      values.push(result.value);
    }
    return { value: values };
  });
}

/** A whole number in the setting's own unit; `zero` says what 0 means where it is no number like the others. */
export function integer(bounds: { min: number; max: number; zero?: string }): TextSchema<number> {
  const { min, max, zero } = bounds;
  const right = `must be a whole number from ${min} to ${max}${zero === undefined ? '' : `, or 0 (${zero})`}`;
  return schema((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    const fits = (value >= min && value <= max) || (value === 0 && zero !== undefined);
    return fits ? { value } : { wrong: right };
  });
}

/** Seconds, kept as milliseconds. */
export function seconds(bounds: { min: number; max: number }): TextSchema<number> {
  return integer(bounds).transform((value) => value * 1000);
}

export function boolean(): TextSchema<boolean> {
  return schema((text) =>
    text === 'true' || text === 'false' ? { value: text === 'true' } : { wrong: 'must be true or false' },
  );
}

export function oneOf<const T extends string>(values: readonly T[]): TextSchema<T> {
  return schema((text) => {
    const value = values.find((each) => each === text);
    return value === undefined ? { wrong: `must be one of ${values.join(', ')}` } : { value };
  });
}

export function host(): TextSchema<string> {
  const name = /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i;
  return schema((text) =>
    isIP(text) > 0 || name.test(text)
      ? { value: text }
      : { wrong: 'must be an address or a host name, such as 127.0.0.1, ::1, 0.0.0.0 or localhost' },
  );
}

/** A path; whether there is such a file is found out by whoever reads it. The empty text is none. */
export function file(): TextSchema<string> {
  return schema((text) => (text.includes('\0') ? { wrong: 'must be the path of a file' } : { value: text }));
}

/** Empty: `generate` makes one. */
export function nodeId(generate: () => string): TextSchema<string> {
  return schema((text) => {
    if (text === '') return { value: generate() };
    return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
      ? { value: text }
      : {
          wrong:
            'must be 1 to 64 letters, digits, dots, hyphens or underscores, beginning with a letter or digit',
        };
  });
}

export function protocols(): TextSchema<readonly (1 | 2)[]> {
  const choices = new Map<string, readonly (1 | 2)[]>([
    ['1,2', [1, 2]],
    ['2,1', [1, 2]],
    ['1', [1]],
    ['2', [2]],
  ]);
  return schema((text) => {
    const value = choices.get(text.replaceAll(' ', ''));
    return value === undefined ? { wrong: 'must be 1,2 or 1 or 2' } : { value };
  });
}

const SENTINEL_URL = /^rediss?\+sentinel:\/\/[^\s/]+\/[^\s/]/;

/** Only the form is judged here: what the parts mean is the Redis engine's to understand. */
export function redisUrls(): TextSchema<readonly string[]> {
  return listOf(
    (text) =>
      isRedisUrl(text) || SENTINEL_URL.test(text)
        ? { value: text }
        : {
            wrong:
              'must be redis://host:port, rediss://host:port (TLS), several of them with commas between (Cluster), ' +
              'or redis+sentinel://host:port,host:port/name (rediss+sentinel:// for TLS)',
          },
    // A Sentinel URL has commas of its own: only one before a scheme separates URLs.
    /,(?=\s*[a-z+]+:\/\/)/,
  );
}

function isRedisUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^rediss?:$/.test(url.protocol) && /^[^,]+$/.test(url.hostname);
}

/** As a client dials it and protocol 2 signs it: lower case, without the default port. */
export function publicUrls(): TextSchema<readonly string[]> {
  return listOf((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const exact =
      url !== null &&
      (url.protocol === 'wss:' || url.protocol === 'ws:') &&
      url.pathname === '/ws' &&
      url.username + url.password + url.search + url.hash === '';
    return exact
      ? { value: url.href.toLowerCase() }
      : { wrong: 'must be the URL that clients dial, such as wss://relay.example/ws (always ending in /ws)' };
  });
}

/** Compared with the `Origin` header byte for byte, so kept in the one form that browsers send (RFC 6454, 6.2). */
export function origins(): TextSchema<readonly string[] | '*'> {
  const list = listOf((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url !== null && url.origin !== 'null' && `${url.origin}/` === url.href
      ? { value: url.origin }
      : { wrong: 'must be * or a list of origins such as https://chat.example, without a path' };
  });
  return z.union([z.literal('*'), list]);
}

/** `address/prefix`; an address alone means itself. */
export function cidrs(): TextSchema<readonly string[]> {
  return listOf((text) => {
    const [address = '', prefix, ...rest] = text.split('/');
    const bits = isIPv4(address) ? 32 : 128;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    return isIP(address) > 0 && length <= bits && rest.length === 0
      ? { value: `${address}/${length}` }
      : { wrong: 'must be a list of networks such as 10.0.0.0/8 or fd00::/8' };
  });
}
