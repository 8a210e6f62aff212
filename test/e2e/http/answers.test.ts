import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckedAnswer } from '../../support/plain/http-answer.ts';
import { RawConnection, UPGRADE_HEADERS } from '../../support/plain/raw-connection.ts';
import { makeKeys, type PlainUser, registerUser, registrationOf } from '../../support/plain/users.ts';
import { Processes } from '../../support/servers/processes.ts';
import { type NginxServer, startNginx } from '../../support/services/nginx.ts';

/**
 * Every answer of the HTTP side, byte for byte: what RFC 9110 forbids in it, a proxy turns into 502. At the node, and
 * through HAProxy and nginx with the files of deploy/.
 */

const DOORS = ['the node', 'HAProxy', 'nginx'] as const;
type Door = (typeof DOORS)[number];

const processes = new Processes();
const ports = new Map<Door, number>();
let nginx: NginxServer;
let bob: PlainUser;

beforeAll(async () => {
  const node = await processes.relay({
    RELAY_TRUSTED_PROXIES: '127.0.0.1',
    RELAY_ALLOWED_ORIGINS: 'https://chat.example,null',
    RELAY_LOOKUPS_PER_MIN: '60',
    // Bob, and one registration through each door.
    RELAY_MAX_USERS: '4',
  });
  bob = await registerUser(node.http);
  ports.set('the node', node.port);
  ports.set('HAProxy', (await processes.balancer([node])).port);
  nginx = await startNginx([node]);
  ports.set('nginx', nginx.port);
});

afterAll(async () => {
  await processes.stop();
  await nginx.stop();
});

/** nginx writes its own `Connection`, and passes the `Upgrade` of a 426 on. */
const NGINX_BREAKS = 'RFC 9110, 7.8: Upgrade without Connection: Upgrade';

interface Sent {
  /** Method and path. */
  readonly line: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

async function ask(door: Door, { line, headers = [], body = '' }: Sent): Promise<CheckedAnswer> {
  const connection = await RawConnection.open(ports.get(door) ?? 0);
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const lines = [`${line} HTTP/1.1`, 'Host: relay.test', ...headers, ...length];
  connection.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const webSocketKey = headers.join('\n').match(/^Sec-WebSocket-Key: (.*)$/m)?.[1] ?? '';
  const answer = await connection.answer({ method: line.split(' ', 1)[0] ?? '', webSocketKey });
  // Nothing but the answer: a body where there must be none would be read as the next answer.
  expect(connection.takeAnswer()).toBeNull();
  connection.destroy();
  expect(answer.broken.filter((rule) => !(door === 'nginx' && rule === NGINX_BREAKS))).toEqual([]);
  return answer;
}

const PREFLIGHT = [
  'Origin: https://chat.example',
  'Access-Control-Request-Method: POST',
  'Access-Control-Request-Headers: content-type',
];
const json = (value: unknown) => ({
  headers: ['Content-Type: application/json'],
  body: JSON.stringify(value),
});
const handshake = () => [
  ...UPGRADE_HEADERS.filter((line) => !line.startsWith('Host')),
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
];

/** One request for each kind of answer that the relay knows. */
const REQUESTS: readonly (readonly [what: string, status: number, send: () => Sent])[] = [
  ['a registration', 201, () => ({ line: 'POST /users', ...json(registrationOf(makeKeys())) })],
  ['a repeated registration', 200, () => ({ line: 'POST /users', ...json(registrationOf(bob)) })],
  ['a registration without keys', 400, () => ({ line: 'POST /users', ...json({}) })],
  ['a registration that is not JSON', 400, () => ({ line: 'POST /users', body: '{' })],
  ['a registration without a body', 400, () => ({ line: 'POST /users', headers: ['Content-Length: 0'] })],
  [
    'the key of another account',
    409,
    () => ({
      line: 'POST /users',
      ...json(registrationOf({ ...bob, ecdhPublicKey: makeKeys().ecdhPublicKey })),
    }),
  ],
  [
    'another content type',
    415,
    () => ({ line: 'POST /users', headers: ['Content-Type: text/plain'], body: '{}' }),
  ],
  ['a body that is too large', 413, () => ({ line: 'POST /users', body: ' '.repeat(5_000) })],
  ['a look-up', 200, () => ({ line: `GET /users/${bob.code}` })],
  ['a look-up of an unknown code', 404, () => ({ line: 'GET /users/0000000' })],
  ['HEAD of a look-up', 200, () => ({ line: `HEAD /users/${bob.code}` })],
  ['HEAD of an unknown code', 404, () => ({ line: 'HEAD /users/0000000' })],
  ['HEAD where POST is right', 405, () => ({ line: 'HEAD /users' })],
  ['PUT', 405, () => ({ line: 'PUT /users', ...json({}) })],
  ['DELETE', 405, () => ({ line: `DELETE /users/${bob.code}` })],
  ['a method that does not exist', 405, () => ({ line: 'BREW /users' })],
  ['a preflight', 204, () => ({ line: 'OPTIONS /users', headers: PREFLIGHT })],
  ['a preflight of a look-up', 204, () => ({ line: 'OPTIONS /users/0000000', headers: PREFLIGHT })],
  ['OPTIONS of another origin', 204, () => ({ line: 'OPTIONS /users', headers: ['Origin: https://a.b'] })],
  ['OPTIONS of the WebSocket', 204, () => ({ line: 'OPTIONS /ws' })],
  ['OPTIONS of the page', 204, () => ({ line: 'OPTIONS /' })],
  ['OPTIONS of nothing', 404, () => ({ line: 'OPTIONS /nothing' })],
  ['the page', 200, () => ({ line: 'GET /' })],
  ['HEAD of the page', 200, () => ({ line: 'HEAD /' })],
  ['a conditional request for the page', 200, () => ({ line: 'GET /', headers: ['If-None-Match: *'] })],
  ['a range of the page', 200, () => ({ line: 'GET /', headers: ['Range: bytes=0-1'] })],
  ['nothing', 404, () => ({ line: 'GET /nothing' })],
  ['the WebSocket without an upgrade', 426, () => ({ line: 'GET /ws' })],
  ['HEAD of the WebSocket', 426, () => ({ line: 'HEAD /ws' })],
  ['an upgrade', 101, () => ({ line: 'GET /ws', headers: handshake() })],
  [
    'an upgrade by protocol 2',
    101,
    () => ({ line: 'GET /ws', headers: [...handshake(), 'Sec-WebSocket-Protocol: relay.v2'] }),
  ],
  [
    'an upgrade by a page that is not listed',
    403,
    () => ({ line: 'GET /ws', headers: [...handshake(), 'Origin: https://evil.example'] }),
  ],
  ['an upgrade at another path', 404, () => ({ line: 'GET /nothing', headers: handshake() })],
  [
    'cookies of 16 KiB',
    404,
    () => ({ line: 'GET /users/0000000', headers: [`Cookie: sso=${'c'.repeat(16_384)}`] }),
  ],
  [
    'an upgrade with cookies of 16 KiB',
    101,
    () => ({ line: 'GET /ws', headers: [...handshake(), `Cookie: sso=${'c'.repeat(16_384)}`] }),
  ],
];

describe.each(DOORS)('at %s', (door) => {
  it.each(REQUESTS)('%s is answered %i, as RFC 9110 allows', async (_what, status, send) => {
    expect((await ask(door, send())).status).toBe(status);
  });

  it('HEAD is answered as GET, without the body', async () => {
    for (const path of ['/', `/users/${bob.code}`, '/users/0000000', '/nothing', '/ws']) {
      const [get, head] = [
        await ask(door, { line: `GET ${path}` }),
        await ask(door, { line: `HEAD ${path}` }),
      ];
      expect(head.status).toBe(get.status);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
      expect(head.headers.get('content-length')).toBe(`${Buffer.byteLength(get.body)}`);
    }
  });

  it('a page of another origin registers: the preflight allows it, and the answer can be read', async () => {
    const preflight = await ask(door, { line: 'OPTIONS /users', headers: PREFLIGHT });
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://chat.example');
    expect(preflight.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Content-Type, Authorization');
    const { headers, body } = json(registrationOf(bob));
    const sent = { line: 'POST /users', headers: [...headers, 'Origin: https://chat.example'], body };
    const answer = await ask(door, sent);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  });
});

describe('limits', () => {
  it.each(DOORS)(
    'at %s: a relay that is full promises no time, one that has enough of an address says when to ask again',
    async (door) => {
      const full = await ask(door, { line: 'POST /users', ...json(registrationOf(makeKeys())) });
      expect([full.status, full.headers.get('retry-after')]).toEqual([503, undefined]);
      let tooMany: CheckedAnswer | null = null;
      for (let n = 0; n < 100 && tooMany?.status !== 429; n += 1)
        tooMany = await ask(door, { line: 'GET /users/0000000' });
      expect(tooMany?.status).toBe(429);
      expect(Number(tooMany?.headers.get('retry-after'))).toBeGreaterThan(0);
    },
  );
});
