import { BlockList, isIP, isIPv6 } from 'node:net';
import { type Hop, readForwarded, readForwardedFor } from './forwarded.ts';
import type { RequestHeaders } from './headers.ts';
import { countedAs, readAddress } from './ip-address.ts';
import type { HttpResponse } from './uws.ts';

/** Evidence of a request's origin. Only the first is out of the client's control. */
export interface AddressEvidence {
  /** The peer of the TCP connection. */
  readonly peer: string;
  /** `X-Forwarded-For`, all lines; empty if absent. */
  readonly forwardedFor: string;
  /** `Forwarded` (RFC 7239), all lines; empty if absent. */
  readonly forwarded: string;
  /** From a PROXY protocol v2 header, which uWebSockets accepts from anyone; empty if absent. */
  readonly proxied: string;
}

const SHAPE_CHARACTERS_MAX = 60;

/**
 * Finds the address that limits count, from what the trusted proxies say. If that cannot be read, the proxy's own
 * address counts: all its clients then share one set of limits, and the operator must hear of it.
 */
export class AddressReader {
  readonly #trusted = new BlockList();
  /** Asking an empty list takes a microsecond or more, twice for each connection. */
  readonly #trustsAny: boolean;
  readonly #onUnreadable: (reason: string) => void;
  #told = false;

  /**
   * @param trustedProxies CIDRs, validated by the configuration
   * @param onUnreadable called once, the first time that a trusted proxy names no client that can be read
   */
  constructor(trustedProxies: readonly string[], onUnreadable: (reason: string) => void) {
    this.#onUnreadable = onUnreadable;
    this.#trustsAny = trustedProxies.length > 0;
    for (const cidr of trustedProxies) {
      const [network = '', prefix = ''] = cidr.split('/');
      this.#trusted.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    }
  }

  /** Must be called in the handler. */
  of(res: HttpResponse, headers: RequestHeaders): string {
    return this.read({
      peer: text(res.getRemoteAddressAsText()),
      forwardedFor: headers.list('x-forwarded-for'),
      forwarded: headers.list('forwarded'),
      proxied: text(res.getProxiedRemoteAddressAsText()),
    });
  }

  /** For limits on connections before their first request: null for a trusted proxy, which carries many clients. */
  peer(res: HttpResponse): string | null {
    const address = plain(text(res.getRemoteAddressAsText()));
    return this.#isTrusted(address) ? null : countedAs(address);
  }

  read({ peer, forwardedFor, forwarded, proxied }: AddressEvidence): string {
    const address = plain(peer);
    if (!this.#isTrusted(address)) return countedAs(address);
    if (proxied !== '') return countedAs(plain(proxied));
    const claims = [readForwardedFor(forwardedFor), readForwarded(forwarded)]
      .filter(({ length }) => length > 0)
      .map((hops) => this.#clientOf(hops, address));
    const [first, second = first] = claims;
    if (first === undefined || second === undefined) return countedAs(address);
    if (claims.some(({ readable }) => !readable))
      this.#tell(`no address can be read from ${shapeOf(forwardedFor || forwarded)}`);
    else if (first.address !== second.address)
      this.#tell('X-Forwarded-For and Forwarded name different clients');
    // A proxy that writes one of the two may pass the other one on as the client wrote it: neither can be believed.
    return countedAs(first.address === second.address ? first.address : address);
  }

  /**
   * From the right: each trusted proxy vouches for the one entry that it appended. If that cannot be read, the proxy
   * itself is all that is known.
   */
  #clientOf(hops: readonly Hop[], peer: string): { readonly address: string; readonly readable: boolean } {
    let address = peer;
    for (const hop of hops.toReversed()) {
      if (hop === null) return { address, readable: false };
      address = hop;
      if (!this.#isTrusted(address)) break;
    }
    return { address, readable: true };
  }

  #isTrusted(address: string): boolean {
    if (!this.#trustsAny) return false;
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }

  #tell(reason: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#onUnreadable(reason);
  }
}

function text(address: ArrayBuffer): string {
  return Buffer.from(address).toString('latin1');
}

/** As limits and lists compare it. What is no address stays as it is: it counts as one. */
function plain(address: string): string {
  return readAddress(address) ?? address;
}

/** The last entry with everything but punctuation masked, for the log: clients may have written it. */
function shapeOf(lines: string): string {
  const entry = lines.split(',').at(-1)?.trim() ?? '';
  return JSON.stringify(entry.slice(0, SHAPE_CHARACTERS_MAX).replaceAll(/[^\s:;=._%"[\]-]/g, 'x'));
}
