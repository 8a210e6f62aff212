import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The URL leads, or would lead, into the operator's own network. */
class PrivateAddress extends Error {
  constructor(host: string, address: string, setting: string) {
    super(
      `${host} is ${address}, which is no public address: ${setting}=true allows it, if the receiver is yours`,
    );
  }
}

/** Whether an address is reachable from everywhere: no loopback, no link, no private or reserved network. */
export function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/**
 * @param setting that would allow it
 * @throws PrivateAddress if the host of a URL is an address, and not public. Names are for `guardedLookup`.
 */
export function refusePrivateLiteral({ hostname }: URL, setting: string): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublic(host)) throw new PrivateAddress(host, host, setting);
}

/**
 * A `lookup` for sockets that gives public addresses only: what is checked is what the socket connects to, whatever the
 * name resolves to a moment later.
 */
export function guardedLookup(setting: string): LookupFunction {
  return (host, options, callback) => {
    void lookUp(host, { ...options, all: true }).then(
      (found: LookupAddress[]) => {
        const usable = found.filter(({ address }) => isPublic(address));
        const [first] = usable;
        if (first === undefined)
          callback(new PrivateAddress(host, found[0]?.address ?? 'nothing', setting), []);
        else if (options.all) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
