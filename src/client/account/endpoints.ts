import { ClientError } from '../errors.ts';

/** The URLs of one relay. */
export interface Endpoints {
  /** `https://host[:port]`: the base of `/users`. */
  readonly http: string;
  /** `wss://host[:port]/ws`, lower case, default port dropped: dialled and, by protocol 2, signed. */
  readonly socket: string;
}

const SCHEMES: Readonly<Record<string, readonly [http: string, socket: string]>> = {
  'http:': ['http:', 'ws:'],
  'ws:': ['http:', 'ws:'],
  'https:': ['https:', 'wss:'],
  'wss:': ['https:', 'wss:'],
};

/** Reads `https://relay.example`, `wss://relay.example/ws` and so on: all name the same relay. */
export function endpointsOf(url: string): Endpoints {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const schemes = SCHEMES[parsed?.protocol ?? ''];
  if (parsed === null || schemes === undefined) {
    throw new ClientError('invalid_argument', `A relay's URL is https://host or wss://host/ws, not ${url}.`);
  }
  // `URL` has lower-cased the host and dropped a default port; a dot behind the name makes no other host. A relay is at
  // the root of its host.
  const host = parsed.host.replace(/\.(?=:|$)/, '');
  const [http, socket] = schemes;
  return { http: `${http}//${host}`, socket: `${socket}//${host}/ws` };
}
