import type { RequestHeaders } from '../transport/headers.ts';
import { sameUrl } from '../transport/public-url.ts';
import type { HttpRequest, us_socket_context_t } from '../transport/uws.ts';

/** An upgrade request, read in its handler. */
export interface Upgrade {
  readonly headers: RequestHeaders;
  /** The address that limits count. */
  readonly address: string;
  readonly host: string;
  readonly extensions: string;
  readonly context: us_socket_context_t;
}

/** Must be called in the handler. Parsing is deferred because the upgrade may be refused. */
export function readUpgrade(
  req: HttpRequest,
  more: Pick<Upgrade, 'headers' | 'address' | 'context'>,
): Upgrade {
  return { ...more, host: req.getHeader('host'), extensions: req.getHeader('sec-websocket-extensions') };
}

/** The newest protocol that both sides know, and the subprotocol to answer with: empty for protocol 1 by default. */
export function agree(
  headers: RequestHeaders,
  protocols: readonly (1 | 2)[],
): { readonly protocol: 1 | 2; readonly subprotocol: string } {
  const offered = headers.list('sec-websocket-protocol').split(',');
  const subprotocol = protocols
    .toReversed()
    .map(nameOf)
    .find((name) => offered.some((o) => o.trim() === name));
  return { protocol: subprotocol === nameOf(2) ? 2 : 1, subprotocol: subprotocol ?? '' };
}

/**
 * The public URL that this client most likely dialled; null without `RELAY_PUBLIC_URL`.
 * @param host as the client wrote it: perhaps with the default port, in capitals, with a dot behind it
 */
export function audienceOf(host: string, publicUrls: readonly string[]): string | null {
  const [first = null, ...others] = publicUrls;
  if (others.length === 0) return first;
  return publicUrls.find((url) => sameUrl(`${url.split('//', 1)[0]}//${host}/ws`, url)) ?? first;
}

function nameOf(protocol: 1 | 2): string {
  return `relay.v${protocol}`;
}
