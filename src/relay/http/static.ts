import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import type { Answer, Exchange } from './exchange.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

/** The page talks to its own relay only, has nothing inline, and may not be framed. `blob:` are pictures that were received. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // To scan a safety number; nothing else is asked for.
  'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;

/** Names with a hash in them, as the build writes them: their content never changes. */
const HASHED = /-[A-Z0-9]{8}\.(?:js|css)$/;
const YEAR_S = 31_536_000;

/** How a file may be sent, the smallest first; the build has made `.br` and `.gz` where they save something. */
const CODINGS = [
  { coding: 'br', ending: '.br' },
  { coding: 'gzip', ending: '.gz' },
] as const;

interface Variant {
  readonly coding: 'br' | 'gzip' | null;
  readonly etag: string;
  readonly bytes: Buffer;
}

/** A file of the page, in every coding that there is of it; the last is the file itself. */
export interface PageFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly variants: readonly Variant[];
}

/** The files of the page, read once: path → file. Empty if the page was not built. */
export function loadPage(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const found = new Set(listFiles(folder));
  for (const file of found) {
    const type = TYPES[extname(file)];
    if (type === undefined) continue;
    const path = `/${relative(folder, file).replaceAll('\\', '/')}`;
    const cached = HASHED.test(path) ? `public, max-age=${YEAR_S}, immutable` : 'no-cache';
    const encoded = CODINGS.flatMap(({ coding, ending }) =>
      found.has(file + ending) ? [variantOf(file + ending, coding)] : [],
    );
    files.set(path === '/index.html' ? '/' : path, {
      headers: { ...HEADERS, 'Cache-Control': cached, 'Content-Type': type, Vary: 'Accept-Encoding' },
      variants: [...encoded, variantOf(file, null)],
    });
  }
  return files;
}

/** The smallest form that the client takes; 304 if it has that already (RFC 9110, 12.5.3 and 13.1.2). */
export function answerFile(
  { headers, variants }: PageFile,
  { acceptEncoding, ifNoneMatch }: Pick<Exchange, 'acceptEncoding' | 'ifNoneMatch'>,
): Answer {
  const accepted = codingsIn(acceptEncoding);
  const variant = variants.find(({ coding }) => coding === null || accepted.has(coding));
  if (variant === undefined) throw new Error('a file of the page has no form of its own');
  const { coding, etag, bytes } = variant;
  const known = ifNoneMatch.split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
  return {
    status: known ? 304 : 200,
    headers: { ...headers, ETag: etag, ...(coding === null ? {} : { 'Content-Encoding': coding }) },
    body: bytes,
  };
}

/** The codings that `Accept-Encoding` names and does not refuse by `q=0`. */
function codingsIn(acceptEncoding: string): ReadonlySet<string> {
  const codings = new Set<string>();
  for (const each of acceptEncoding.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = each.split(';').map((part) => part.trim());
    if (!parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) codings.add(coding);
  }
  return codings;
}

function variantOf(file: string, coding: Variant['coding']): Variant {
  const bytes = readFileSync(file);
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { coding, etag: `"${digest}"`, bytes };
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
