import { connect } from 'node:tls';
import type { Config } from '../../ops/settings/config.ts';
import { bad, type Finding, good, poor } from './finding.ts';

const TIMEOUT_MS = 5_000;
const DAYS_MIN = 14;
const DAY_MS = 86_400_000;

/** Whose word on client addresses is believed. */
export function examineProxies(config: Config): Finding[] {
  const { trustedProxies, publicUrls, tlsCert } = config;
  const wide = trustedProxies.filter((network) => isWide(network));
  if (wide.length > 0) {
    return [
      bad(
        `RELAY_TRUSTED_PROXIES ${wide.join(',')}: every client is believed, and can claim any address`,
        'the addresses of the load balancer alone, such as 10.0.0.5/32',
      ),
    ];
  }
  // A node without TLS whose clients dial wss:// has something in front.
  const behindProxy = tlsCert === '' && publicUrls.some((url) => url.startsWith('wss:'));
  if (behindProxy && trustedProxies.length === 0) {
    return [
      bad(
        'RELAY_TRUSTED_PROXIES is not set, and TLS ends in front of the node: all clients count as one address, and share its limits',
        'RELAY_TRUSTED_PROXIES=<addresses of the load balancer>, which must set X-Forwarded-For',
      ),
    ];
  }
  if (trustedProxies.length === 0) return [];
  return [good(`client addresses are those that ${trustedProxies.join(',')} tell`)];
}

/** Of IPv4 more than a sixteenth, of IPv6 more than what one provider has. */
function isWide(network: string): boolean {
  const length = Number(network.split('/')[1]);
  return length < (network.includes(':') ? 16 : 4);
}

/** What a client meets at each RELAY_PUBLIC_URL. */
export async function examineFrontDoor({ publicUrls }: Config): Promise<Finding[]> {
  if (publicUrls.length === 0) {
    return [
      poor(
        'RELAY_PUBLIC_URL is not set: clients of protocol 2 cannot tell a relay in the middle',
        'RELAY_PUBLIC_URL=wss://<what clients dial>/ws',
      ),
    ];
  }
  const findings = await Promise.all(publicUrls.map(examineUrl));
  return findings.flat();
}

async function examineUrl(text: string): Promise<Finding[]> {
  const url = new URL(text.replace(/^ws/, 'http'));
  const local = /^(localhost|127\.|\[::1\])/.test(url.hostname);
  if (url.protocol === 'https:') return [await answer(text, url), await certificate(url)];
  if (local) return [await answer(text, url)];
  const plain = bad(
    `${text}: no TLS; an eavesdropper can log in as its users by protocol 1`,
    'TLS in the load balancer or by RELAY_TLS_CERT, then RELAY_PUBLIC_URL=wss://…',
  );
  return [await answer(text, url), plain];
}

/** What mends it, by what the attempt ended with; the first that fits. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'a DNS record for the name, or the right name in RELAY_PUBLIC_URL'],
  [
    /certificate|altnames/i,
    'a certificate for that name, with those above it, from an authority that clients trust',
  ],
  [/ECONNREFUSED/, 'start the load balancer, or open its port'],
  [/abort|timeout|ETIMEDOUT|EHOSTUNREACH/i, 'the firewall and the route to the load balancer'],
  [/wrong version number|packet length|SSL/i, 'TLS at that port: it answers without'],
];
const NODES = 'see the load balancer, and /readyz of the nodes (docs/runbook.md, KeyrelayFrontDoorClosed)';

async function answer(text: string, url: URL): Promise<Finding> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    if (response.status === 426) return good(`${text}: a relay answers`);
    const mend = response.status === 503 ? NODES : 'the path /ws must lead to the nodes, and to nothing else';
    return bad(`${text}: ${response.status} instead of 426; clients cannot connect`, mend);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? `${cause.message}${codeOf(cause)}` : String(cause);
    return bad(`${text}: ${why}`, REMEDIES.find(([pattern]) => pattern.test(why))?.[1] ?? NODES);
  }
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code !== 'string' || error.message.includes(code) ? '' : ` (${code})`;
}

function certificate(url: URL): Promise<Finding> {
  return new Promise((resolve) => {
    const port = url.port === '' ? 443 : Number(url.port);
    // Whether it is trusted is what `answer` found out; here only its date is read.
    const socket = connect({ host: url.hostname, servername: url.hostname, port, rejectUnauthorized: false });
    const settle = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(TIMEOUT_MS, () =>
      settle(
        bad(
          `${url.host}: no TLS within ${TIMEOUT_MS} ms`,
          'the port of RELAY_PUBLIC_URL, and what listens there',
        ),
      ),
    );
    socket.once('error', (error) =>
      settle(bad(`${url.host}: ${error.message}`, 'TLS at that port, with a certificate and its key')),
    );
    socket.once('secureConnect', () => {
      const days = Math.floor((Date.parse(socket.getPeerCertificate().valid_to) - Date.now()) / DAY_MS);
      const says = `${url.host}: its certificate is good for ${days} days`;
      if (days >= DAYS_MIN) settle(good(says));
      else settle((days < 0 ? bad : poor)(says, 'renew it, and reload what serves it'));
    });
  });
}
