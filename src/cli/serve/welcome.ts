import { isIPv6 } from 'node:net';
import type { Config } from '../../ops/settings/config.ts';

/** An event that is logged at the start, with the reason for operators. */
interface Warning {
  readonly event: 'protocol 1 is served without TLS' | 'RELAY_PUBLIC_URL is not set';
  readonly reason: string;
}

/** Risks of these settings that an operator must know; see docs/protocol.md, sections 3 and 4. */
export function warnings(config: Config): Warning[] {
  const { host, protocols, publicUrls, tlsCert } = config;
  const behindTls = publicUrls.length > 0 && publicUrls.every((url) => url.startsWith('wss:'));
  const tls = tlsCert !== '' || behindTls;
  const found: Warning[] = [];
  if (protocols.includes(1) && !isLoopback(host) && !tls) {
    found.push({
      event: 'protocol 1 is served without TLS',
      reason:
        'beyond loopback an eavesdropper can replay a connect. Put TLS in front and set RELAY_PUBLIC_URL=wss://…/ws, ' +
        'or set RELAY_TLS_CERT and RELAY_TLS_KEY, or RELAY_PROTOCOLS=2',
    });
  }
  if (protocols.includes(2) && publicUrls.length === 0) {
    found.push({
      event: 'RELAY_PUBLIC_URL is not set',
      reason: 'without it protocol 2 cannot detect a relay in the middle',
    });
  }
  return found;
}

/** For the person who has started it; on standard error, because standard output is the log. */
export function welcome(started: { config: Config; port: number; adminPort: number; page: boolean }): string {
  const { config, port, adminPort, page } = started;
  const s = config.tlsCert === '' ? '' : 's';
  const at = `${isIPv6(config.host) ? `[${reachable(config.host)}]` : reachable(config.host)}:${port}`;
  const lines = [
    `keyrelay: relays signed, end-to-end encrypted envelopes. Ctrl-C stops it.`,
    page ? `  page      http${s}://${at}/` : '',
    `  clients   ws${s}://${at}/ws  and  http${s}://${at}/users`,
    `  operators http://${config.adminHost}:${adminPort}/metrics, /readyz`,
    ...(config.redisUrls.length === 0
      ? [
          'Users and mail are kept in the memory of this process: a restart forgets them, and a second node',
          'would not see them. Set RELAY_REDIS_URL=redis://… to keep them in Redis.',
        ]
      : [`Users and mail are kept in Redis; this is node ${config.nodeId}.`]),
    'Try: npm run demo (Alice and Bob, step by step), npm run cluster (three nodes), keyrelay --help (settings).',
  ];
  return `\n${lines.filter((line) => line !== '').join('\n')}\n\n`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Whether the host stands for all addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** An address that a browser on this machine can open. */
function reachable(host: string): string {
  return isWildcard(host) ? (isIPv6(host) ? '::1' : '127.0.0.1') : host;
}
