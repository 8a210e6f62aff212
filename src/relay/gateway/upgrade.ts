import type { RequestHeaders } from '../transport/headers.ts';
import type { HttpRequest, us_socket_context_t } from '../transport/uws.ts';

/** What an upgrade asks for. A request can be read only while its handler runs; this can be answered later. */
export interface Upgrade {
  readonly headers: RequestHeaders;
  /** What limits count this client as. */
  readonly address: string;
  readonly host: string;
  readonly extensions: string;
  readonly context: us_socket_context_t;
}

/** Must be called in the handler. Nothing is worked out of it yet: it may be refused. */
export function readUpgrade(
  req: HttpRequest,
  more: Pick<Upgrade, 'headers' | 'address' | 'context'>,
): Upgrade {
  return { ...more, host: req.getHeader('host'), extensions: req.getHeader('sec-websocket-extensions') };
}

/** The newest protocol that both know, and the subprotocol to answer with: empty if none was agreed on, which is protocol 1. */
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

/** The public URL that this client most likely dialled; null without `RELAY_PUBLIC_URL`. */
export function audienceOf(host: string, publicUrls: readonly string[]): string | null {
  return publicUrls.find((url) => new URL(url).host === host.toLowerCase()) ?? publicUrls[0] ?? null;
}

function nameOf(protocol: 1 | 2): string {
  return `relay.v${protocol}`;
}
