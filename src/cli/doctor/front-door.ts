import { connect } from 'node:tls';
import type { Config } from '../../ops/config.ts';
import { bad, type Finding, good, poor } from './finding.ts';

const TIMEOUT_MS = 5_000;
const DAYS_MIN = 14;
const DAY_MS = 86_400_000;

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
  const plain = bad(`${text}: no TLS; whoever listens can log in as its users by protocol 1`, 'wss://');
  return [await answer(text, url), plain];
}

async function answer(text: string, url: URL): Promise<Finding> {
  const mend = 'see the load balancer, and /readyz of the nodes (docs/runbook.md, KeyrelayFrontDoorClosed)';
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    if (response.status === 426) return good(`${text}: a relay answers`);
    return bad(`${text}: ${response.status} instead of 426; nobody can connect`, mend);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return bad(`${text}: ${cause instanceof Error ? cause.message : String(cause)}`, mend);
  }
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
      settle(bad(`${url.host}: no TLS within ${TIMEOUT_MS} ms`, 'see its port')),
    );
    socket.once('error', (error) =>
      settle(bad(`${url.host}: ${error.message}`, 'see its certificate and key')),
    );
    socket.once('secureConnect', () => {
      const days = Math.floor((Date.parse(socket.getPeerCertificate().valid_to) - Date.now()) / DAY_MS);
      const says = `${url.host}: its certificate is good for ${days} days`;
      if (days >= DAYS_MIN) settle(good(says));
      else settle((days < 0 ? bad : poor)(says, 'renew it, and reload what serves it'));
    });
  });
}
