import { UPGRADE_HEADERS } from '../../support/plain/raw-connection.ts';

/** HTTP written by hand: what is sent in one piece, and what must come back. */
export interface HttpCase {
  readonly name: string;
  readonly send: string;
  /** The statuses of all answers on this connection, in order. */
  readonly answers: readonly number[];
  /** The relay hangs up while bytes are still on their way, and so its answer may be lost. */
  readonly answerMayBeLost?: true;
  /** Whether the relay ends the connection, so that nothing more can come through it. */
  readonly ends: boolean;
}

/** Stands behind a request whose end is in doubt; if it is answered, a request was smuggled. */
const SMUGGLED = 'GET /users/ZZZZZZZ HTTP/1.1\r\nHost: a\r\n\r\n';

function get(path: string, ...headers: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\n${['Host: a', ...headers].join('\r\n')}\r\n\r\n`;
}

function post(headers: readonly string[], body: string): string {
  return `POST /users HTTP/1.1\r\n${['Host: a', ...headers].join('\r\n')}\r\n\r\n${body}`;
}

function upgrade(
  headers: readonly string[],
  more: { path?: string; method?: string; version?: string } = {},
) {
  const { path = '/ws', method = 'GET', version = 'HTTP/1.1' } = more;
  return `${method} ${path} ${version}\r\n${headers.join('\r\n')}\r\n\r\n`;
}

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const HANDSHAKE = [...UPGRADE_HEADERS, KEY];

function without(start: string): string[] {
  return HANDSHAKE.filter((line) => !line.startsWith(start));
}

const manyHeaders = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y`);
const chunked = ['Transfer-Encoding: chunked'];
const ended = (...answers: readonly number[]) => ({ answers, ends: true });
const open = (...answers: readonly number[]) => ({ answers, ends: false });

/** Two requests in one: a proxy in front and the relay must not read them differently (RFC 9112, 11.2). */
const SMUGGLING: readonly HttpCase[] = [
  {
    name: 'Content-Length and Transfer-Encoding',
    send: post(['Content-Length: 4', ...chunked], `0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    send: post([...chunked, 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  { name: 'xchunked', send: post(['Transfer-Encoding: xchunked'], '2\r\n{}\r\n0\r\n\r\n'), ...ended(400) },
  {
    name: 'xchunked, with more behind it',
    send: post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(),
  },
  { name: 'identity', send: post(['Transfer-Encoding: identity'], SMUGGLED), ...ended(400) },
  {
    name: 'chunked, identity',
    send: post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(),
  },
  {
    name: 'gzip, chunked',
    send: post(['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(),
  },
  {
    name: 'Transfer-Encoding twice',
    send: post([...chunked, 'Transfer-Encoding: identity'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(),
  },
  {
    name: 'a space before the colon',
    send: post(['Transfer-Encoding : chunked'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  {
    name: 'a vertical tab before chunked',
    send: post(['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  {
    name: 'two lengths that differ',
    send: post(['Content-Length: 2', 'Content-Length: 44'], `{}${SMUGGLED}`),
    ...ended(),
  },
  {
    name: 'two lengths that agree',
    send: post(['Content-Length: 2', 'Content-Length: 2'], '{}'),
    ...ended(400),
  },
  { name: 'two lengths in one line', send: post(['Content-Length: 2, 2'], `{}${SMUGGLED}`), ...ended(400) },
  { name: 'length +2', send: post(['Content-Length: +2'], `{}${SMUGGLED}`), ...ended(400) },
  { name: 'length -2', send: post(['Content-Length: -2'], `{}${SMUGGLED}`), ...ended(400) },
  { name: 'length 0x2', send: post(['Content-Length: 0x2'], `{}${SMUGGLED}`), ...ended(400) },
  { name: 'an empty length', send: post(['Content-Length: '], SMUGGLED), ...ended() },
  {
    name: 'a length of 2^64 + 2',
    send: post(['Content-Length: 18446744073709551618'], `{}${SMUGGLED}`),
    ...ended(400),
  },
  {
    name: 'a chunk size that is no number',
    send: post(chunked, `zz\r\n{}\r\n0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  { name: 'a chunk size below 0', send: post(chunked, `-2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), ...ended(400) },
  {
    name: 'a chunk size over 2^64',
    send: post(chunked, `FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  { name: 'a chunk size of 2^60', send: post(chunked, '1000000000000000\r\n{}\r\n0\r\n\r\n'), ...ended(400) },
  {
    name: 'a line feed in a chunk extension',
    send: post(chunked, `2;\nxx\r\n{}\r\n0\r\n\r\n${SMUGGLED}`),
    ...ended(400),
  },
  { name: 'no line end behind a chunk', send: post(chunked, `2\r\n{}XX0\r\n\r\n${SMUGGLED}`), ...ended() },
  { name: 'a request where trailers stand', send: post(chunked, `2\r\n{}\r\n0\r\n${SMUGGLED}`), ...ended() },
  { name: 'a chunked body', send: post(chunked, '2\r\n{}\r\n0\r\n\r\n'), ...ended(400) },
  {
    name: 'a request behind a chunked body',
    send: post(chunked, `2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`),
    ...ended(),
  },
  {
    name: 'a body over the limit, and a request behind it',
    send: post(['Content-Length: 5000'], `${'x'.repeat(5000)}${SMUGGLED}`),
    ...ended(),
  },
  { name: 'a body over the limit', send: post(['Content-Length: 5000'], 'x'.repeat(5000)), ...ended(413) },
  {
    name: 'a request inside the body of a GET',
    send: get('/users/ZZZZZZZ', `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    ...open(404),
  },
  {
    name: 'a request inside the body of a refused POST',
    send: `POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    ...open(404),
  },
  { name: 'line feeds alone', send: 'GET /users/ZZZZZZZ HTTP/1.1\nHost: a\n\n', ...ended(505) },
  { name: 'a folded header', send: get('/users/ZZZZZZZ', 'X: a\r\n b'), ...ended(400) },
  { name: 'NUL in a header', send: get('/users/ZZZZZZZ', 'X: a\0b'), ...ended(400) },
  { name: 'a header without a colon', send: get('/users/ZZZZZZZ', 'abc'), ...ended(400) },
  { name: 'no Host', send: 'GET /users/ZZZZZZZ HTTP/1.1\r\n\r\n', ...ended(400) },
  { name: 'two Hosts', send: get('/users/ZZZZZZZ', 'Host: b'), ...ended(400) },
  {
    name: 'two origins',
    send: get('/users/ZZZZZZZ', 'Origin: https://a', 'Origin: https://b'),
    ...ended(400),
  },
];

const REQUEST_LINES: readonly HttpCase[] = [
  { name: 'HTTP/1.0', send: 'GET /users/ZZZZZZZ HTTP/1.0\r\nHost: a\r\n\r\n', ...ended(505) },
  { name: 'HTTP/0.9', send: 'GET /users/ZZZZZZZ\r\n\r\n', ...ended(505) },
  { name: 'HTTP/2 without TLS', send: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...ended(505) },
  {
    name: 'a TLS hello',
    send: `${'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.repeat(20)}\r\n\r\n`,
    ...ended(505),
  },
  { name: 'NULs', send: `${'\0'.repeat(300)}\r\n\r\n`, ...ended(505) },
  { name: 'a space in the path', send: get('/users/ZZZ ZZZ'), ...ended(505) },
  { name: 'a whole URL', send: get('http://elsewhere.example/users/ZZZZZZZ'), ...ended(505) },
  { name: 'OPTIONS *', send: 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', ...ended(505) },
  { name: 'CONNECT', send: 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', ...ended(505) },
  { name: 'TRACE', send: 'TRACE /users HTTP/1.1\r\nHost: a\r\n\r\n', ...open(405) },
  { name: 'a method that does not exist', send: 'BREW /users HTTP/1.1\r\nHost: a\r\n\r\n', ...open(405) },
  { name: 'get in lower case', send: 'get /users/ZZZZZZZ HTTP/1.1\r\nHost: a\r\n\r\n', ...open(405) },
  { name: 'a path that climbs', send: get('/../../etc/passwd'), ...open(404) },
  { name: 'a path that climbs in disguise', send: get('/%2e%2e/%2e%2e/etc/passwd'), ...open(404) },
  { name: 'a code with an escaped NUL', send: get('/users/ZZZZ%00ZZ'), ...open(404) },
  ...['{', '}', ':', '*', '%0a', '%0d%0a', '%00', '?', '#', '"'].map((sign) => ({
    name: `a code with ${sign}`,
    send: get(`/users/ZZZ${sign}ZZZ`),
    ...open(404),
  })),
  { name: '60 headers', send: get('/users/ZZZZZZZ', ...manyHeaders(60)), ...open(404) },
  {
    name: 'cookies of 16 KiB',
    send: get('/users/ZZZZZZZ', `Cookie: sso=${'c'.repeat(16_384)}`),
    ...open(404),
  },
  {
    name: 'cookies of 21 KiB',
    send: get('/users/ZZZZZZZ', `Cookie: sso=${'c'.repeat(21_504)}`),
    ...ended(431),
    answerMayBeLost: true,
  },
  {
    name: '2,000 headers',
    send: get('/users/ZZZZZZZ', ...manyHeaders(2_000)),
    ...ended(431),
    answerMayBeLost: true,
  },
  {
    name: 'a header of 64 KB',
    send: get('/users/ZZZZZZZ', `X: ${'y'.repeat(65_536)}`),
    ...ended(431),
    answerMayBeLost: true,
  },
  { name: 'a URL of 1 MB', send: get(`/${'y'.repeat(1_048_576)}`), ...ended(431), answerMayBeLost: true },
  // The relay refuses pipelining: a client that need not wait for an answer need not read one either.
  { name: 'two requests at once', send: SMUGGLED + SMUGGLED, answers: [], ends: true },
];

/** RFC 6455, 4.2.1: what is no handshake must not be answered 101, least of all behind a proxy. */
const UPGRADES: readonly HttpCase[] = [
  { name: 'a right handshake', send: upgrade(HANDSHAKE), ...open(101) },
  {
    name: 'with cookies of 16 KiB',
    send: upgrade([...HANDSHAKE, `Cookie: sso=${'c'.repeat(16_384)}`]),
    ...open(101),
  },
  { name: 'with a query', send: upgrade(HANDSHAKE, { path: '/ws?token=x' }), ...open(101) },
  { name: 'at another path', send: upgrade(HANDSHAKE, { path: '/ws/' }), ...open(404) },
  { name: 'by POST', send: upgrade(HANDSHAKE, { method: 'POST' }), ...open(405) },
  { name: 'by HTTP/1.0', send: upgrade(HANDSHAKE, { version: 'HTTP/1.0' }), ...ended(505) },
  { name: 'without Upgrade', send: upgrade(without('Upgrade')), ...ended(426) },
  { name: 'Upgrade: h2c', send: upgrade([...without('Upgrade'), 'Upgrade: h2c']), ...ended(426) },
  { name: 'without Connection', send: upgrade(without('Connection')), ...ended(426) },
  {
    name: 'Connection: keep-alive',
    send: upgrade([...without('Connection'), 'Connection: keep-alive']),
    ...ended(426),
  },
  {
    name: 'Connection: keep-alive, Upgrade',
    send: upgrade([...without('Connection'), 'Connection: keep-alive, Upgrade']),
    ...open(101),
  },
  { name: 'without a version', send: upgrade(without('Sec-WebSocket-Version')), ...ended(426) },
  {
    name: 'version 8',
    send: upgrade([...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 8']),
    ...ended(426),
  },
  {
    name: 'two versions',
    send: upgrade([...HANDSHAKE, 'Sec-WebSocket-Version: 8']),
    ...ended(400),
  },
  { name: 'without a key', send: upgrade([...UPGRADE_HEADERS]), ...open(426) },
  { name: 'a short key', send: upgrade([...UPGRADE_HEADERS, 'Sec-WebSocket-Key: abc']), ...open(426) },
  {
    name: 'a key that is no Base64',
    send: upgrade([...UPGRADE_HEADERS, `Sec-WebSocket-Key: ${'!'.repeat(24)}`]),
    ...ended(426),
  },
  {
    name: 'two keys',
    send: upgrade([...HANDSHAKE, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']),
    ...ended(400),
  },
  {
    name: 'a malformed subprotocol',
    send: upgrade([...HANDSHAKE, 'Sec-WebSocket-Protocol: ,,;, relay.v2x']),
    ...open(101),
  },
  {
    name: 'a malformed extension',
    send: upgrade([...HANDSHAKE, 'Sec-WebSocket-Extensions: ,,;;==\x01']),
    ...ended(400),
  },
  { name: 'with a body', send: `${upgrade([...HANDSHAKE, 'Content-Length: 5'])}hello`, ...ended(400) },
  {
    name: 'with a chunked body',
    send: `${upgrade([...HANDSHAKE, 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
    ...ended(400),
  },
  {
    name: 'a request behind a handshake that is refused',
    send: upgrade(without('Upgrade')) + SMUGGLED,
    ...ended(),
  },
];

export const HTTP_CASES = { smuggling: SMUGGLING, 'request lines': REQUEST_LINES, upgrades: UPGRADES };
