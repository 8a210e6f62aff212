import { expect } from 'vitest';
import { ROUTES } from '../../../src/admin/api.ts';
import type { RelayNode } from '../servers/relay-node.ts';

export const ADMIN_TOKEN = 'test-token-of-an-operator';

export interface AdminReply {
  readonly status: number;
  readonly json: unknown;
}

/** Asks the admin API of a node, and holds each answer to what docs/admin-api.json says of it. */
export async function admin(
  node: Pick<RelayNode, 'adminPort'>,
  method: string,
  path: string,
  body?: object,
): Promise<AdminReply> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'x-operator': 'tester' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status } = response;
  const text = await response.text();
  const json: unknown = text === '' ? undefined : JSON.parse(text);
  const route = ROUTES.find(
    (each) =>
      each.method === method &&
      new RegExp(`^${each.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path.split('?', 1)[0] ?? ''),
  );
  if (status < 400) {
    expect(status).toBe(route?.answer.status);
    if (route?.answer.schema === undefined) expect(text).toBe('');
    else route.answer.schema.parse(json);
  } else {
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const declared = [400, 401, 403, 404, 405, 413, 503, ...Object.keys(route?.problems ?? {}).map(Number)];
    expect(declared).toContain(status);
  }
  return { status, json };
}
