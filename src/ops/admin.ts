import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './log/log.ts';
import type { Metrics } from './metrics/metrics.ts';
import { LOG_LEVELS } from './settings/settings.ts';

export interface Health {
  readonly ready: boolean;
  /** For people: why it is ready, or why not. */
  readonly reason: string;
}

/** A request to the API, by a client that has the token. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  /** As operators name themselves, and the address that they came from. */
  readonly operator: string;
}

/** `json` undefined: no body. Of a status from 400 on, a problem of RFC 9457. */
export interface ApiAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type AdminApi = (request: ApiRequest) => Promise<ApiAnswer>;

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  /** Called at every `/readyz`; must answer from the last known state, without asking the store. */
  readonly health: () => Health;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What changes something needs it, and so does the API; '': neither is served. */
  readonly token: string;
  /** What lies under `/v1/`. Null while the node starts. */
  readonly api: () => AdminApi | null;
}

export interface Admin {
  /** The actual port, if 0 was asked. */
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Handler = (options: AdminOptions, request: IncomingMessage) => Answer | Promise<Answer>;

const ROUTES: Readonly<Record<string, { readonly methods: readonly string[]; readonly handle: Handler }>> = {
  /** Liveness: the event loop runs. Never asks Redis, or an outage of Redis would restart every node. */
  '/healthz': { methods: ['GET', 'HEAD'], handle: () => ({ status: 200, text: 'alive\n' }) },
  '/readyz': {
    methods: ['GET', 'HEAD'],
    handle: ({ health }) => {
      const { ready, reason } = health();
      return { status: ready ? 200 : 503, text: `${ready ? 'ready' : 'not ready'}: ${reason}\n` };
    },
  },
  '/metrics': {
    methods: ['GET', 'HEAD'],
    handle: async ({ metrics, health }) => {
      metrics.ready.set(health().ready ? 1 : 0);
      return { status: 200, ...(await metrics.exposition()) };
    },
  },
  /** `PUT` needs a preflight, which is never answered, so that no web page can call it. */
  '/log-level': {
    methods: ['GET', 'HEAD', 'PUT'],
    handle: async ({ log }, request) => {
      if (request.method !== 'PUT') return { status: 200, text: `${log.level}\n` };
      const asked = (await readBody(request, LEVEL_BYTES_MAX))?.trim();
      const level = LOG_LEVELS.find((each) => each === asked);
      if (level === undefined) return { status: 400, text: `must be one of ${LOG_LEVELS.join(', ')}\n` };
      log.level = level;
      return { status: 200, text: `${level}\n` };
    },
  },
};

const LEVEL_BYTES_MAX = 64;
const BODY_BYTES_MAX = 4096;
const OPERATOR_MAX = 64;
const API = '/v1/';
const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 100;

/** Opens the admin server. Rejects if the port is not available. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = createServer((request, response) => {
    void respond(options, request, response);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function respond(
  options: AdminOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await route(options, request);
  } catch (error) {
    options.log.error('the admin server could not answer', { error });
    answer = { status: 500, text: 'internal error, see the log\n' };
  }
  const { status, text, contentType = 'text/plain; charset=utf-8', headers = {} } = answer;
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function route(options: AdminOptions, request: IncomingMessage): Answer | Promise<Answer> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path.startsWith(API)) return callApi(options, request);
  const found = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (found === undefined) {
    return { status: 404, text: `not found: there are ${Object.keys(ROUTES).join(', ')} and ${API}\n` };
  }
  if (!found.methods.includes(request.method ?? '')) {
    const allow = found.methods.join(', ');
    return { status: 405, text: `only ${allow}\n`, headers: { Allow: allow } };
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return (reads ? null : refused(options, request)) ?? found.handle(options, request);
}

/** Null if the request proves that it comes from an operator. */
function refused({ token }: AdminOptions, request: IncomingMessage): Answer | null {
  if (token === '') {
    return problem(403, 'this node only shows: give it RELAY_ADMIN_TOKEN, and start it again');
  }
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  // Digests of equal length: the time tells neither how long the token is nor how much of it was right.
  if (timingSafeEqual(digest(given), digest(token))) return null;
  const what =
    given === '' ? 'send Authorization: Bearer <RELAY_ADMIN_TOKEN>' : 'this is not RELAY_ADMIN_TOKEN';
  return problem(401, what, { 'WWW-Authenticate': 'Bearer realm="keyrelay admin"' });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function callApi(options: AdminOptions, request: IncomingMessage): Promise<Answer> {
  const refusal = refused(options, request);
  if (refusal !== null) return refusal;
  const api = options.api();
  if (api === null) return problem(503, 'the node is starting');
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://admin');
  const body = await readBody(request, BODY_BYTES_MAX);
  if (body === null) return problem(413, `the body may have ${BODY_BYTES_MAX} bytes`);
  const named = String(request.headers['x-operator'] ?? '')
    .replace(/[^ -~]/g, '')
    .slice(0, OPERATOR_MAX);
  const address = request.socket.remoteAddress ?? '';
  const {
    status,
    json,
    headers = {},
  } = await api({
    method: request.method === 'HEAD' ? 'GET' : (request.method ?? ''),
    path: pathname,
    query: searchParams,
    body,
    operator: `${named === '' ? 'unnamed' : named} (${address})`,
  });
  if (json === undefined) return { status, text: '', headers };
  const contentType = status < 400 ? 'application/json' : 'application/problem+json';
  return { status, text: `${JSON.stringify(json)}\n`, contentType, headers };
}

function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const json = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  return { status, text: `${JSON.stringify(json)}\n`, contentType: 'application/problem+json', headers };
}

/** Null if it is longer. */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
