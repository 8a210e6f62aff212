import { z } from 'zod';
import { EngineUnavailable } from '../engine/engine.ts';
import type { AdminApi, ApiAnswer, ApiRequest } from '../ops/admin.ts';
import type { Logger } from '../ops/log/log.ts';
import { type AdminContext, AdminProblem, type Route } from './route.ts';
import { RELAY_ROUTES } from './routes-relay.ts';
import { USER_ROUTES } from './routes-users.ts';

/** Every operation of the admin API. */
export const ROUTES: readonly Route[] = [...RELAY_ROUTES, ...USER_ROUTES];

const TEXT_MAX = 200;
const PATTERNS = ROUTES.map((route) => ({ route, parts: route.path.split('/') }));

/** Answers requests that have proven themselves. Everything that changes something leaves a line in the audit log first. */
export function createAdminApi(context: AdminContext & { readonly log: Logger }): AdminApi {
  return async (request) => {
    try {
      return await answer(context, request);
    } catch (error) {
      if (error instanceof AdminProblem) return problem(error.status, error.message);
      if (error instanceof z.ZodError) return problem(400, z.prettifyError(error));
      if (error instanceof EngineUnavailable) return problem(503, `not known to be done: ${error.message}`);
      throw error;
    }
  };
}

async function answer(
  context: AdminContext & { readonly log: Logger },
  request: ApiRequest,
): Promise<ApiAnswer> {
  const { method, path, operator } = request;
  const matches = PATTERNS.flatMap(({ route, parts }) => {
    const named = match(parts, path.split('/'));
    return named === null ? [] : [{ route, named }];
  });
  if (matches.length === 0)
    throw new AdminProblem(404, 'there is nothing at this path: see docs/admin-api.md');
  const found = matches.find(({ route }) => route.method === method);
  if (found === undefined) {
    const allow = matches.map(({ route }) => route.method).join(', ');
    return { ...problem(405, `only ${allow}`), headers: { Allow: allow } };
  }
  const { route, named } = found;
  const query = queryOf(route, request.query);
  const body = route.body === undefined ? undefined : route.body.parse(parseJson(request.body));
  if (route.action !== undefined) {
    const { engine, nodeId: node, log } = context;
    const { action } = route;
    const target = Object.values(named).join(' ').slice(0, TEXT_MAX);
    const reason = query.reason ?? '';
    await engine.operators.audit.record({ operator, node, action, target, reason });
    log.info('an operator acts', { operator, verb: action, reason });
  }
  const { status, json } = await route.handle(context, { path: named, query, body });
  return { status, json };
}

/** The named parts of a path, or null if it is another. */
function match(parts: readonly string[], given: readonly string[]): Record<string, string> | null {
  if (parts.length !== given.length) return null;
  const named: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const text = given[index] ?? '';
    if (part.startsWith('{')) {
      const decoded = decode(text);
      if (decoded === '') return null;
      named[part.slice(1, -1)] = decoded;
    } else if (part !== text) return null;
  }
  return named;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AdminProblem(400, 'the path is not percent-encoded UTF-8');
  }
}

/** Those that the route declares, and `reason` where something changes; another is a mistake. */
function queryOf(route: Route, given: URLSearchParams): Record<string, string> {
  const names = (route.query ?? []).map(({ name }) => name);
  if (route.action !== undefined) names.push('reason');
  const query: Record<string, string> = {};
  for (const [name, value] of given) {
    if (!names.includes(name)) throw new AdminProblem(400, `there is no parameter ${name} here`);
    if (value.length > TEXT_MAX) throw new AdminProblem(400, `${name} may have ${TEXT_MAX} characters`);
    query[name] = value;
  }
  return query;
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new AdminProblem(400, 'the body must be JSON');
  }
}

function problem(status: number, detail: string): ApiAnswer {
  return { status, json: { type: 'about:blank', title: 'Error', status, detail } };
}
