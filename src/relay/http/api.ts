import { EngineUnavailable } from '../../engine/engine.ts';
import { idleTtlMs } from '../../ops/settings/config.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { RateLimiter } from '../limits/rate-limiter.ts';
import type { AddressReader } from '../transport/client-address.ts';
import { RequestHeaders } from '../transport/headers.ts';
import { allowsOrigin } from '../transport/origins.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from '../transport/uws.ts';
import { type Answer, type Body, Exchange } from './exchange.ts';
import { closeIfOpen, type Problem, upgradeRequired } from './problem.ts';
import { RegistrationWork } from './registration-work.ts';
import { answerFile, type PageFile } from './static.ts';
import { lookUp, register, type UserAnswer } from './users.ts';

const BODY_BYTES_MAX = 4096;

type RouteName = Parameters<RelayContext['metrics']['httpRequests']['of']>[0];

interface Route {
  readonly name: RouteName;
  /** Every GET route serves HEAD too, and every route OPTIONS. */
  readonly method: 'GET' | 'POST';
  readonly limiter: RateLimiter;
  readonly handle: (exchange: Exchange, body: Body | null) => Promise<Answer | Problem>;
}

/** The HTTP side of a node: `/users`, and the page. */
export class HttpApi {
  readonly #context: RelayContext;
  readonly #addresses: AddressReader;
  readonly #page: ReadonlyMap<string, PageFile>;
  readonly #work: RegistrationWork;

  constructor(context: RelayContext, addresses: AddressReader, page: ReadonlyMap<string, PageFile>) {
    this.#context = context;
    this.#addresses = addresses;
    this.#page = page;
    const { workLevel, engine, clock } = context;
    this.#work = new RegistrationWork({
      bits: () => workLevel.bits,
      secret: () => engine.control.secret(),
      clock,
    });
  }

  register(app: TemplatedApp): void {
    app.any('/*', (res, req) => {
      try {
        this.#serve(res, req);
      } catch (error) {
        // A throw from a handler would end the process.
        this.#context.log.error('a request failed', { error });
        closeIfOpen(res);
      }
    });
  }

  #serve(res: HttpResponse, req: HttpRequest): void {
    const headers = new RequestHeaders(req);
    const exchange = new Exchange(res, req, { address: this.#addresses.of(res, headers), headers });
    const route = this.#route(exchange.path);
    const answered =
      headers.ambiguity === null
        ? this.#answer(exchange, route)
        : this.#refuseAmbiguous(exchange, headers.ambiguity);
    answered
      .catch((error: unknown) => {
        if (!(error instanceof EngineUnavailable)) this.#context.log.error('a request failed', { error });
        const detail = 'the store is away: try again shortly';
        exchange.problem({ status: 503, detail, retryAfterS: 2 }, this.#headers(exchange));
      })
      .finally(() => {
        if (exchange.status !== 0)
          this.#context.metrics.httpRequests.of(route?.name ?? 'other', `${exchange.status}`).add();
      });
  }

  async #refuseAmbiguous(exchange: Exchange, ambiguity: string): Promise<void> {
    const waitMs = this.#context.rates.upgrades.take(exchange.address);
    const refusal = waitMs > 0 ? tooMany(waitMs) : { status: 400, detail: ambiguity };
    exchange.problem(refusal, this.#headers(exchange));
  }

  async #answer(exchange: Exchange, route: Route | null): Promise<void> {
    const headers = this.#headers(exchange);
    const refuse = (problem: Problem, more: Record<string, string> = {}) =>
      exchange.problem(problem, { ...headers, ...more });
    const served =
      exchange.method === route?.method || (exchange.method === 'HEAD' && route?.method === 'GET');
    // An answer that only tells how to ask costs no look-up and no registration, but must not get round the limits.
    const limiter = route !== null && served ? route.limiter : this.#context.rates.upgrades;
    const waitMs = limiter.take(exchange.address);
    if (waitMs > 0) return refuse(tooMany(waitMs));
    if (route === null) return refuse({ status: 404, detail: 'there is nothing at this path' });

    const allow = route.method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS';
    if (exchange.method === 'OPTIONS') {
      const preflight = {
        'Access-Control-Allow-Methods': allow,
        'Access-Control-Allow-Headers': 'Content-Type, Authorization',
      };
      return exchange.answer({
        status: 204,
        headers: { ...headers, ...preflight, Allow: allow, 'Access-Control-Max-Age': '86400' },
      });
    }
    if (!served) {
      return refuse(
        { status: 405, detail: `${exchange.method} is not for this path: use ${allow}` },
        { Allow: allow },
      );
    }
    const body = route.method === 'POST' ? await exchange.readBody(BODY_BYTES_MAX) : null;
    if (body !== null && 'aborted' in body) return;
    const answer = await route.handle(exchange, body);
    if ('detail' in answer) refuse(answer);
    else exchange.answer({ ...answer, headers: merged(headers, answer.headers) });
  }

  #route(path: string): Route | null {
    const { rates, engine, config, workLevel } = this.#context;
    const { requireProof, registration } = config;
    const work = this.#work;
    const options = { engine, requireProof, registration, work, idleExpire: idleTtlMs(config) > 0 };
    if (path === '/users') {
      const handle = async ({ address, authorization, contentType }: Exchange, body: Body | null) => {
        const wrong = wrongContent(contentType, body);
        if (wrong !== null) return wrong;
        // Guessing an invitation costs as much as guessing a code.
        const waitMs = registration === 'invite' ? rates.lookups.take(address) : 0;
        if (waitMs > 0) return tooMany(waitMs);
        const bytes = body !== null && 'bytes' in body ? body.bytes : Buffer.alloc(0);
        const answer = await register(bytes, authorization, options);
        if (registration === 'invite' && 'user' in answer) rates.lookups.giveBack(address);
        if (answer.status === 201) workLevel.count();
        return json(answer);
      };
      return { name: 'register', method: 'POST', limiter: rates.registrations, handle };
    }
    if (path.startsWith('/users/')) {
      const handle = async () => json(await lookUp(path.slice('/users/'.length), options));
      return { name: 'lookup', method: 'GET', limiter: rates.lookups, handle };
    }
    if (path === '/ws') {
      const handle = async () => upgradeRequired();
      return { name: 'websocket', method: 'GET', limiter: rates.upgrades, handle };
    }
    const file = this.#page.get(path);
    if (file === undefined) return null;
    const handle = async (exchange: Exchange) => answerFile(file, exchange);
    return { name: 'page', method: 'GET', limiter: rates.upgrades, handle };
  }

  /** CORS: never with credentials; pages may read `Retry-After`. */
  #headers(exchange: Exchange): Record<string, string> {
    const { allowedOrigins } = this.#context.config;
    const cors: Record<string, string> =
      allowedOrigins === '*'
        ? { 'Access-Control-Allow-Origin': '*' }
        : allowsOrigin(allowedOrigins, exchange.origin)
          ? { 'Access-Control-Allow-Origin': exchange.origin, Vary: 'Origin' }
          : { Vary: 'Origin' };
    return { 'Cache-Control': 'no-store', ...cors, 'Access-Control-Expose-Headers': 'Retry-After' };
  }
}

/** Of two `Vary`, both count. */
function merged(
  headers: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const vary = [headers.Vary, more.Vary].filter((each) => each !== undefined).join(', ');
  return { ...headers, ...more, ...(vary === '' ? {} : { Vary: vary }) };
}

function tooMany(waitMs: number): Problem {
  return {
    status: 429,
    detail: 'too many requests from your address',
    retryAfterS: Math.ceil(waitMs / 1000),
  };
}

function wrongContent(contentType: string, body: Body | null): Problem | null {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType !== '' && mediaType !== 'application/json') {
    return { status: 415, detail: `Content-Type is ${mediaType}: send application/json` };
  }
  if (body === null || 'tooLarge' in body)
    return { status: 413, detail: `the body may have ${BODY_BYTES_MAX} bytes` };
  return null;
}

function json(answer: UserAnswer): Answer | Problem {
  if ('detail' in answer) return answer;
  return { status: answer.status, headers: { 'Content-Type': 'application/json' }, body: answer.user };
}
