import type { Config } from '../ops/config.ts';
import type { RequestHeaders } from './http/headers.ts';
import type { HttpRequest, us_socket_context_t } from './uws.ts';

/** What an upgrade asks for. A request can be read only while its handler runs; this can be answered later. */
export interface Upgrade {
  readonly headers: RequestHeaders;
  /** What limits count this client as. */
  readonly address: string;
  readonly protocol: 1 | 2;
  /** The public URL that this client most likely dialled; null without `RELAY_PUBLIC_URL`. */
  readonly audience: string | null;
  /** What is answered: the newest protocol that both know, or empty. */
  readonly subprotocol: string;
  readonly key: string;
  readonly extensions: string;
  readonly context: us_socket_context_t;
}

/** Must be called in the handler. */
export function readUpgrade(parts: {
  readonly req: HttpRequest;
  readonly headers: RequestHeaders;
  readonly address: string;
  readonly context: us_socket_context_t;
  readonly config: Pick<Config, 'protocols' | 'publicUrls'>;
}): Upgrade {
  const { req, headers, address, context, config } = parts;
  const offered = headers.list('sec-websocket-protocol').split(',');
  const subprotocol = config.protocols
    .toReversed()
    .map(nameOf)
    .find((name) => offered.some((o) => o.trim() === name));
  const { publicUrls } = config;
  const host = req.getHeader('host').toLowerCase();
  return {
    headers,
    address,
    protocol: subprotocol === nameOf(2) ? 2 : 1,
    audience: publicUrls.find((url) => new URL(url).host === host) ?? publicUrls[0] ?? null,
    subprotocol: subprotocol ?? '',
    key: headers.get('sec-websocket-key'),
    extensions: req.getHeader('sec-websocket-extensions'),
    context,
  };
}

function nameOf(protocol: 1 | 2): string {
  return `relay.v${protocol}`;
}
