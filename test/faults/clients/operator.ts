import type { RelayNode } from '../../support/servers/relay-node.ts';

const TOKEN = 'token-of-the-operator';

/** What nodes are started with that an operator may ask. */
export const OPERATED = { RELAY_ADMIN_TOKEN: TOKEN };

/** Asks the admin API of a node, by HTTP alone. Rejects unless it was done. */
export async function operate(
  node: Pick<RelayNode, 'adminPort'>,
  method: string,
  path: string,
  body?: object,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
