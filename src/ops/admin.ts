import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { LOG_LEVELS } from './settings.ts';

export interface Health {
  readonly ready: boolean;
  /** For people: why it is ready, or why not. */
  readonly reason: string;
}

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  /** Called at every `/readyz`; must answer from the last known state, without asking the store. */
  readonly health: () => Health;
  readonly metrics: Metrics;
  readonly log: Logger;
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
      const asked = await readBody(request);
      const level = LOG_LEVELS.find((each) => each === asked);
      if (level === undefined) return { status: 400, text: `must be one of ${LOG_LEVELS.join(', ')}\n` };
      log.level = level;
      return { status: 200, text: `${level}\n` };
    },
  },
};

const BODY_BYTES_MAX = 64;
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
  const found = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (found === undefined) {
    return { status: 404, text: `not found: there are ${Object.keys(ROUTES).join(', ')}\n` };
  }
  if (!found.methods.includes(request.method ?? '')) {
    const allow = found.methods.join(', ');
    return { status: 405, text: `only ${allow}\n`, headers: { Allow: allow } };
  }
  return found.handle(options, request);
}

/** Trimmed text, cut if it is too long for a level. */
async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) break;
  }
  return text.slice(0, BODY_BYTES_MAX).trim();
}
