import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The URL leads, or would lead, into the operator's own network. */
class PrivateAddress extends Error {
  constructor(host: string, address: string) {
    super(
      `${host} is ${address}, which is no public address: RELAY_WAKE_PRIVATE=true allows it, if the receiver is yours`,
    );
  }
}

/** Whether an address is reachable from everywhere: no loopback, no link, no private or reserved network. */
export function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** @throws PrivateAddress if the host of a URL is an address, and not public. Names are for `lookupPublic`. */
export function refusePrivateLiteral({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublic(host)) throw new PrivateAddress(host, host);
}

/**
 * A `lookup` for sockets that gives public addresses only: what is checked is what the socket connects to, whatever the
 * name resolves to a moment later.
 */
export const lookupPublic: LookupFunction = (host, options, callback) => {
  void lookUp(host, { ...options, all: true }).then(
    (found: LookupAddress[]) => {
      const usable = found.filter(({ address }) => isPublic(address));
      const [first] = usable;
      if (first === undefined) callback(new PrivateAddress(host, found[0]?.address ?? 'nothing'), []);
      else if (options.all) callback(null, usable);
      else callback(null, first.address, first.family);
    },
    (error: NodeJS.ErrnoException) => callback(error, []),
  );
};
