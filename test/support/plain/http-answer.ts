import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';

/** One HTTP answer, as its bytes say. */
export interface CheckedAnswer {
  readonly status: number;
  /** Names in lower case; several lines of one name joined by commas, as RFC 9110, 5.2 allows. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The rules that it breaks, each with its clause. */
  readonly broken: readonly string[];
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** What was asked, as far as the answer depends on it. */
export interface Asked {
  readonly method: string;
  readonly webSocketKey?: string;
}

/**
 * Reads the first answer out of the bytes of a connection, and checks the rules of RFC 9110, 9112 and 6455 that clients,
 * proxies and caches rely on.
 * @returns null if the answer is not complete. It may end with the connection (`ended`)
 */
export function readAnswer(
  bytes: Buffer,
  { method, webSocketKey, ended }: Asked & { readonly ended: boolean },
): { readonly answer: CheckedAnswer; readonly rest: Buffer } | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const broken: string[] = [];
  const rule = (holds: boolean, clause: string) => {
    if (!holds) broken.push(clause);
  };
  const [, digits = '', reason = ''] = /^HTTP\/1\.1 ([1-5]\d\d) (.*)$/.exec(statusLine) ?? [];
  const status = Number(digits);
  rule(digits !== '', `RFC 9112, 4: status line ${JSON.stringify(statusLine)}`);
  rule(reason === '' || reason === STATUS_CODES[status], `RFC 9110, 15: ${status} is not ${reason}`);

  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    rule(colon > 0 && TOKEN.test(name), `RFC 9112, 5.1: field line ${JSON.stringify(line)}`);
    rule(!FORBIDDEN.test(value), `RFC 9110, 5.5: value of ${name}`);
    rule(!headers.has(name) || LISTS.has(name), `RFC 9110, 5.3: ${name} twice, which is not a list`);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const length = headers.get('content-length');
  const chunked = headers.get('transfer-encoding')?.toLowerCase() === 'chunked';
  rule(length === undefined || /^\d+$/.test(length), 'RFC 9110, 8.6: Content-Length is digits');
  rule(length === undefined || Number(length) < 2 ** 31, `RFC 9110, 8.6: Content-Length is ${length}`);
  rule(length === undefined || !chunked, 'RFC 9112, 6.2: Content-Length with Transfer-Encoding');
  const informational = status < 200;
  rule(
    !((informational || status === 204) && length !== undefined),
    `RFC 9110, 8.6: Content-Length in a ${status}`,
  );
  rule(!((informational || status === 204) && chunked), `RFC 9112, 6.1: Transfer-Encoding in a ${status}`);

  const start = end + 4;
  const hasBody = method !== 'HEAD' && !informational && status !== 204 && status !== 304;
  let bodyEnd = start;
  let body = '';
  if (hasBody && chunked) {
    const read = readChunks(bytes.subarray(start));
    if (read === null) return null;
    body = read.body;
    bodyEnd = start + read.length;
  } else if (hasBody && length !== undefined) {
    bodyEnd = start + Number(length);
    if (bytes.length < bodyEnd) return null;
    body = bytes.toString('utf8', start, bodyEnd);
  } else if (hasBody) {
    // RFC 9112, 6.3 (8): until the connection closes.
    if (!ended) return null;
    bodyEnd = bytes.length;
    body = bytes.toString('utf8', start);
  }

  const connection = (headers.get('connection') ?? '')
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
  rule(
    !headers.has('upgrade') || connection.includes('upgrade'),
    'RFC 9110, 7.8: Upgrade without Connection: Upgrade',
  );
  rule(status !== 405 || headers.has('allow'), 'RFC 9110, 15.5.6: 405 without Allow');
  rule(status !== 426 || headers.has('upgrade'), 'RFC 9110, 15.5.22: 426 without Upgrade');
  rule(status !== 401 || headers.has('www-authenticate'), 'RFC 9110, 15.5.2: 401 without WWW-Authenticate');
  const retryAfter = headers.get('retry-after');
  rule(retryAfter === undefined || /^\d+$/.test(retryAfter), 'RFC 9110, 10.2.3: Retry-After is seconds');
  const date = headers.get('date');
  rule(date === undefined || HTTP_DATE.test(date), 'RFC 9110, 5.6.7: Date');
  if (status === 101 && webSocketKey !== undefined) {
    const accept = createHash('sha1')
      .update(`${webSocketKey}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    rule(headers.get('sec-websocket-accept') === accept, 'RFC 6455, 4.2.2: Sec-WebSocket-Accept');
    rule(headers.get('upgrade')?.toLowerCase() === 'websocket', 'RFC 6455, 4.2.2: Upgrade');
  }
  return { answer: { status, headers, body, broken }, rest: bytes.subarray(bodyEnd) };
}

/** Headers whose lines may be joined (RFC 9110, 5.3). */
const LISTS: ReadonlySet<string> = new Set(['connection', 'vary', 'allow', 'cache-control']);

/** Null if the last chunk has not come. */
function readChunks(bytes: Buffer): { readonly body: string; readonly length: number } | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { body: Buffer.concat(parts).toString(), length: next };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
