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
const answered =
  (ends: boolean) =>
  (name: string, send: string, ...answers: readonly number[]): HttpCase => ({ name, send, answers, ends });
const ended = answered(true);
const open = answered(false);
const tooLarge = (name: string, send: string): HttpCase => ({
  ...ended(name, send, 431),
  answerMayBeLost: true,
});

/** Two requests in one: a proxy in front and the relay must not read them differently (RFC 9112, 11.2). */
const SMUGGLING: readonly HttpCase[] = [
  ended(
    'Content-Length and Transfer-Encoding',
    post(['Content-Length: 4', ...chunked], `0\r\n\r\n${SMUGGLED}`),
    400,
  ),
  ended(
    'Transfer-Encoding and Content-Length',
    post([...chunked, 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`),
    400,
  ),
  ended('xchunked', post(['Transfer-Encoding: xchunked'], '2\r\n{}\r\n0\r\n\r\n'), 400),
  ended('xchunked, with more behind it', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`)),
  ended('identity', post(['Transfer-Encoding: identity'], SMUGGLED), 400),
  ended('chunked, identity', post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`)),
  ended('gzip, chunked', post(['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${SMUGGLED}`)),
  ended('Transfer-Encoding twice', post([...chunked, 'Transfer-Encoding: identity'], `0\r\n\r\n${SMUGGLED}`)),
  ended('a space before the colon', post(['Transfer-Encoding : chunked'], `0\r\n\r\n${SMUGGLED}`), 400),
  ended(
    'a vertical tab before chunked',
    post(['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`),
    400,
  ),
  ended('two lengths that differ', post(['Content-Length: 2', 'Content-Length: 44'], `{}${SMUGGLED}`)),
  ended('two lengths that agree', post(['Content-Length: 2', 'Content-Length: 2'], '{}'), 400),
  ended('two lengths in one line', post(['Content-Length: 2, 2'], `{}${SMUGGLED}`), 400),
  ended('length +2', post(['Content-Length: +2'], `{}${SMUGGLED}`), 400),
  ended('length -2', post(['Content-Length: -2'], `{}${SMUGGLED}`), 400),
  ended('length 0x2', post(['Content-Length: 0x2'], `{}${SMUGGLED}`), 400),
  ended('an empty length', post(['Content-Length: '], SMUGGLED)),
  ended('a length of 2^64 + 2', post(['Content-Length: 18446744073709551618'], `{}${SMUGGLED}`), 400),
  ended('a chunk size that is no number', post(chunked, `zz\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), 400),
  ended('a chunk size below 0', post(chunked, `-2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), 400),
  ended('a chunk size over 2^64', post(chunked, `FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), 400),
  ended('a chunk size of 2^60', post(chunked, '1000000000000000\r\n{}\r\n0\r\n\r\n'), 400),
  ended('a line feed in a chunk extension', post(chunked, `2;\nxx\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), 400),
  ended('no line end behind a chunk', post(chunked, `2\r\n{}XX0\r\n\r\n${SMUGGLED}`)),
  ended('a request where trailers stand', post(chunked, `2\r\n{}\r\n0\r\n${SMUGGLED}`)),
  ended('a chunked body', post(chunked, '2\r\n{}\r\n0\r\n\r\n'), 400),
  ended('a request behind a chunked body', post(chunked, `2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`)),
  ended(
    'a body over the limit, and a request behind it',
    post(['Content-Length: 5000'], `${'x'.repeat(5000)}${SMUGGLED}`),
  ),
  ended('a body over the limit', post(['Content-Length: 5000'], 'x'.repeat(5000)), 413),
  open(
    'a request inside the body of a GET',
    get('/users/ZZZZZZZ', `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    404,
  ),
  open(
    'a request inside the body of a refused POST',
    `POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    404,
  ),
  ended('line feeds alone', 'GET /users/ZZZZZZZ HTTP/1.1\nHost: a\n\n', 505),
  ended('a folded header', get('/users/ZZZZZZZ', 'X: a\r\n b'), 400),
  ended('NUL in a header', get('/users/ZZZZZZZ', 'X: a\0b'), 400),
  ended('a header without a colon', get('/users/ZZZZZZZ', 'abc'), 400),
  ended('no Host', 'GET /users/ZZZZZZZ HTTP/1.1\r\n\r\n', 400),
  ended('two Hosts', get('/users/ZZZZZZZ', 'Host: b'), 400),
  ended('two origins', get('/users/ZZZZZZZ', 'Origin: https://a', 'Origin: https://b'), 400),
];

const REQUEST_LINES: readonly HttpCase[] = [
  ended('HTTP/1.0', 'GET /users/ZZZZZZZ HTTP/1.0\r\nHost: a\r\n\r\n', 505),
  ended('HTTP/0.9', 'GET /users/ZZZZZZZ\r\n\r\n', 505),
  ended('HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
  ended('a TLS hello', `${'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.repeat(20)}\r\n\r\n`, 505),
  ended('NULs', `${'\0'.repeat(300)}\r\n\r\n`, 505),
  ended('a space in the path', get('/users/ZZZ ZZZ'), 505),
  ended('a whole URL', get('http://elsewhere.example/users/ZZZZZZZ'), 505),
  ended('OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 505),
  ended('CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 505),
  open('TRACE', 'TRACE /users HTTP/1.1\r\nHost: a\r\n\r\n', 405),
  open('a method that does not exist', 'BREW /users HTTP/1.1\r\nHost: a\r\n\r\n', 405),
  open('get in lower case', 'get /users/ZZZZZZZ HTTP/1.1\r\nHost: a\r\n\r\n', 405),
  open('a path that climbs', get('/../../etc/passwd'), 404),
  open('a path that climbs in disguise', get('/%2e%2e/%2e%2e/etc/passwd'), 404),
  open('a code with an escaped NUL', get('/users/ZZZZ%00ZZ'), 404),
  ...['{', '}', ':', '*', '%0a', '%0d%0a', '%00', '?', '#', '"'].map((sign) =>
    open(`a code with ${sign}`, get(`/users/ZZZ${sign}ZZZ`), 404),
  ),
  open('60 headers', get('/users/ZZZZZZZ', ...manyHeaders(60)), 404),
  open('cookies of 16 KiB', get('/users/ZZZZZZZ', `Cookie: sso=${'c'.repeat(16_384)}`), 404),
  tooLarge('cookies of 21 KiB', get('/users/ZZZZZZZ', `Cookie: sso=${'c'.repeat(21_504)}`)),
  tooLarge('2,000 headers', get('/users/ZZZZZZZ', ...manyHeaders(2_000))),
  tooLarge('a header of 64 KB', get('/users/ZZZZZZZ', `X: ${'y'.repeat(65_536)}`)),
  tooLarge('a URL of 1 MB', get(`/${'y'.repeat(1_048_576)}`)),
  // The relay refuses pipelining: a client that need not wait for an answer need not read one either.
  ended('two requests at once', SMUGGLED + SMUGGLED),
];

/** RFC 6455, 4.2.1: what is no handshake must not be answered 101, least of all behind a proxy. */
const UPGRADES: readonly HttpCase[] = [
  open('a right handshake', upgrade(HANDSHAKE), 101),
  open('with cookies of 16 KiB', upgrade([...HANDSHAKE, `Cookie: sso=${'c'.repeat(16_384)}`]), 101),
  open('with a query', upgrade(HANDSHAKE, { path: '/ws?token=x' }), 101),
  open('at another path', upgrade(HANDSHAKE, { path: '/ws/' }), 404),
  open('by POST', upgrade(HANDSHAKE, { method: 'POST' }), 405),
  ended('by HTTP/1.0', upgrade(HANDSHAKE, { version: 'HTTP/1.0' }), 505),
  ended('without Upgrade', upgrade(without('Upgrade')), 426),
  ended('Upgrade: h2c', upgrade([...without('Upgrade'), 'Upgrade: h2c']), 426),
  ended('without Connection', upgrade(without('Connection')), 426),
  ended('Connection: keep-alive', upgrade([...without('Connection'), 'Connection: keep-alive']), 426),
  open(
    'Connection: keep-alive, Upgrade',
    upgrade([...without('Connection'), 'Connection: keep-alive, Upgrade']),
    101,
  ),
  ended('without a version', upgrade(without('Sec-WebSocket-Version')), 426),
  ended('version 8', upgrade([...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 8']), 426),
  ended('two versions', upgrade([...HANDSHAKE, 'Sec-WebSocket-Version: 8']), 400),
  open('without a key', upgrade([...UPGRADE_HEADERS]), 426),
  open('a short key', upgrade([...UPGRADE_HEADERS, 'Sec-WebSocket-Key: abc']), 426),
  ended(
    'a key that is no Base64',
    upgrade([...UPGRADE_HEADERS, `Sec-WebSocket-Key: ${'!'.repeat(24)}`]),
    426,
  ),
  ended('two keys', upgrade([...HANDSHAKE, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']), 400),
  open('a malformed subprotocol', upgrade([...HANDSHAKE, 'Sec-WebSocket-Protocol: ,,;, relay.v2x']), 101),
  ended('a malformed extension', upgrade([...HANDSHAKE, 'Sec-WebSocket-Extensions: ,,;;==\x01']), 400),
  ended('with a body', `${upgrade([...HANDSHAKE, 'Content-Length: 5'])}hello`, 400),
  ended('with a chunked body', `${upgrade([...HANDSHAKE, 'Transfer-Encoding: chunked'])}0\r\n\r\n`, 400),
  ended('a request behind a handshake that is refused', upgrade(without('Upgrade')) + SMUGGLED),
];

export const HTTP_CASES = { smuggling: SMUGGLING, 'request lines': REQUEST_LINES, upgrades: UPGRADES };
