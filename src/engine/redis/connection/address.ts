/** The address of one Redis server. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How to reach servers: the same for all of one deployment. */
export interface Access {
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
}

/** What `RELAY_REDIS_URL` names. One `redis://` URL may turn out to be a node of a Cluster. */
export type Deployment =
  | { readonly kind: 'servers'; readonly access: Access; readonly seeds: readonly Address[] }
  | {
      readonly kind: 'sentinel';
      /** Of the servers. */
      readonly access: Access;
      readonly sentinelAccess: Access;
      readonly sentinels: readonly Address[];
      readonly masterName: string;
    };

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * A server as a Cluster node names it, in CLUSTER SLOTS or a redirection. No host, or `?` where hostnames are preferred and
 * the server has none, means that of the node that answered.
 */
export function namedAddress(host: string, port: number, answered: Pick<Address, 'host'>): Address {
  return { host: ['', '?'].includes(host) ? answered.host : host, port };
}

/**
 * Reads `redis://[user:password@]host[:port]` (one, or several nodes of a Cluster), the same with `rediss://` for
 * TLS, or one `redis+sentinel://[user:password@]host[:port],host[:port]…/master-name[?options]`. The user and password
 * before the `@` are the servers'; `sentinel_user`, `sentinel_password` and `sentinel_tls` (yes or no; as the scheme
 * unless given) are options for the sentinels, percent-encoded.
 * @throws Error whose message says what is wrong, without the password
 */
export function parseDeployment(urls: readonly string[]): Deployment {
  const [first, ...others] = urls;
  if (first === undefined) throw new Error('no Redis URL: expected redis://host:port');
  const sentinel = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?#]+)\/([\w.-]+)(?:\?([^#]*))?$/.exec(first);
  if (sentinel !== null) {
    if (others.length > 0)
      throw new Error('one redis+sentinel:// URL names all sentinels: host:port,host:port/master-name');
    const [, tls, credentials = '', hosts = '', masterName = '', options = ''] = sentinel;
    const access = { ...parseCredentials(credentials), tls: tls === 's' };
    const sentinels = hosts.split(',').map((host) => parseUrl(`redis://${host}`, SENTINEL_PORT).address);
    return {
      kind: 'sentinel',
      access,
      sentinelAccess: sentinelAccess(options, access),
      sentinels,
      masterName,
    };
  }
  const parsed = urls.map((url) => parseUrl(url, REDIS_PORT));
  const access = parsed[0]?.access;
  if (access === undefined || parsed.some((one) => JSON.stringify(one.access) !== JSON.stringify(access))) {
    throw new Error('the nodes of a Redis Cluster must share one scheme, user and password');
  }
  return { kind: 'servers', access, seeds: parsed.map(({ address }) => address) };
}

const SENTINEL_OPTION = /^(sentinel_user|sentinel_password|sentinel_tls)=(.+)$/;

function sentinelAccess(options: string, { tls }: Access): Access {
  const access = { tls, username: null as string | null, password: null as string | null };
  for (const option of options === '' ? [] : options.split('&')) {
    const [, name, text = ''] = SENTINEL_OPTION.exec(option) ?? [];
    if (name === 'sentinel_user') access.username = decoded(text);
    else if (name === 'sentinel_password') access.password = decoded(text);
    else if (name === 'sentinel_tls' && /^(yes|no)$/.test(text)) access.tls = text === 'yes';
    else
      throw new Error(
        'a redis+sentinel:// URL has no other options than sentinel_user=…, sentinel_password=… and sentinel_tls=yes or no',
      );
  }
  return access;
}

function parseUrl(text: string, defaultPort: number): { readonly address: Address; readonly access: Access } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new Error(
      `not a Redis URL: ${text.replace(/\/\/.*@/, '//…@')}; expected redis://host:port, rediss://host:port ` +
        'or redis+sentinel://host:port,host:port/master-name',
    );
  }
  if (!['', '/', '/0'].includes(url.pathname) || url.search !== '') {
    // Channels do not belong to a database: two relays in two databases of one server would receive each other's.
    throw new Error('a Redis URL ends after the port: databases other than 0 and options are not supported');
  }
  const { username, password, hostname, port } = url;
  return {
    address: { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) },
    access: { ...parseCredentials(`${username}:${password}`), tls: url.protocol === 'rediss:' },
  };
}

function parseCredentials(text: string): { username: string | null; password: string | null } {
  // A password may hold colons.
  const [username = '', ...rest] = text.split(':').map(decoded);
  const password = rest.join(':');
  return { username: username === '' ? null : username, password: password === '' ? null : password };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('the user and password of a Redis URL must be percent-encoded: a % is written %25');
  }
}
