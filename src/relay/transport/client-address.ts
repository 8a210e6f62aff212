import { BlockList, isIP, isIPv6 } from 'node:net';
import type { RequestHeaders } from './headers.ts';
import type { HttpResponse } from './uws.ts';

/** Evidence of a request's origin. Only the first is out of the client's control. */
export interface AddressEvidence {
  /** The peer of the TCP connection. */
  readonly peer: string;
  /** `X-Forwarded-For`, all lines; empty if absent. */
  readonly forwardedFor: string;
  /** From a PROXY protocol v2 header, which uWebSockets accepts from anyone; empty if absent. */
  readonly proxied: string;
}

/**
 * Finds the address that limits count, from what the trusted proxies say. An IPv6 address counts as its /64, which is
 * what a provider gives to one subscriber.
 */
export class AddressReader {
  readonly #trusted = new BlockList();
  /** Asking an empty list takes a microsecond or more, twice for each connection. */
  readonly #trustsAny: boolean;

  /** @param trustedProxies CIDRs, validated by the configuration */
  constructor(trustedProxies: readonly string[]) {
    this.#trustsAny = trustedProxies.length > 0;
    for (const cidr of trustedProxies) {
      const [network = '', prefix = ''] = cidr.split('/');
      this.#trusted.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    }
  }

  /** Must be called in the handler. */
  of(res: HttpResponse, headers: RequestHeaders): string {
    const text = (address: ArrayBuffer) => Buffer.from(address).toString('latin1');
    return this.read({
      peer: text(res.getRemoteAddressAsText()),
      forwardedFor: headers.list('x-forwarded-for'),
      proxied: text(res.getProxiedRemoteAddressAsText()),
    });
  }

  /** For limits on connections before their first request: null for a trusted proxy, which carries many clients. */
  peer(res: HttpResponse): string | null {
    const address = plain(Buffer.from(res.getRemoteAddressAsText()).toString('latin1'));
    return this.#isTrusted(address) ? null : countedAs(address);
  }

  read(evidence: AddressEvidence): string {
    let address = plain(evidence.peer);
    if (!this.#isTrusted(address)) return countedAs(address);
    if (evidence.proxied !== '') return countedAs(plain(evidence.proxied));
    // From the right: each trusted proxy vouches for the one entry that it appended.
    for (const entry of evidence.forwardedFor.split(',').reverse()) {
      const candidate = plain(entry.trim());
      if (isIP(candidate) === 0) break;
      address = candidate;
      if (!this.#isTrusted(address)) break;
    }
    return countedAs(address);
  }

  #isTrusted(address: string): boolean {
    if (!this.#trustsAny) return false;
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** IPv4 mapped into IPv6 is IPv4, also as uWebSockets writes it (all groups in full). */
function plain(address: string): string {
  const mapped = /^(?:0{1,4}:){5}ffff:([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(address);
  if (mapped !== null) {
    const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

function countedAs(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...new Array<string>(Math.max(0, zeros)).fill('0'), ...right];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
