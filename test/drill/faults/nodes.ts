import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { makeCertificate } from '../../support/services/certificate.ts';
import { until } from '../../support/until.ts';
import type { Stage } from '../stage.ts';
import { type Fault, repeatedly } from './fault.ts';

const DAY_MS = 86_400_000;

/** The process stands still for `stillMs`, then runs for `runMs`, and so on. */
function stutter(pid: number, { stillMs, runMs }: { stillMs: number; runMs: number }): () => Promise<void> {
  const end = repeatedly(runMs, async () => {
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, stillMs));
    process.kill(pid, 'SIGCONT');
  });
  return end;
}

const usersOf = (node: RelayNode) => node.metric('keyrelay_sockets', 'state="connected"');

/**
 * The node with most users, once no node has them all: earlier faults have moved users around. An envelope between two
 * users of one stopped node waits in a socket, before it is stored, and is then delivered at once.
 */
async function busiest({ nodes, crowd }: Stage): Promise<RelayNode> {
  let users: number[] = [];
  const spread = async () => {
    for (const client of crowd.clients) client.cut();
    await until(() => crowd.connected === crowd.clients.length, {
      what: 'users to be back',
      timeoutMs: 30_000,
    });
    users = await Promise.all(nodes.map(usersOf));
    return users.filter((count) => count > 0).length > 1;
  };
  await until(spread, { what: 'HAProxy to spread the users', timeoutMs: 60_000 });
  return nodes[users.indexOf(Math.max(...users))] ?? nodes[0];
}

/** `relay.crt` and `relay.key` in `folder`, good for so many days. */
export function writeCertificate(folder: string, days: number): void {
  const { certPem, keyPem } = makeCertificate('relay.example', new Date(Date.now() + days * DAY_MS));
  writeFileSync(join(folder, 'relay.crt'), certPem);
  writeFileSync(join(folder, 'relay.key'), keyPem);
}

/** @param certificateFolder where the node with TLS has its certificate */
export const nodeFaults = (certificateFolder: string): readonly Fault[] => [
  {
    what: 'two of three nodes and all extra nodes are killed -9, then restarted',
    alerts: ['KeyrelayNodeMissing', 'KeyrelayCapacityLost'],
    slow: false,
    begin: async ({ nodes, extras }) => {
      const gone = [nodes[1], nodes[2], ...Object.values(extras)];
      await Promise.all(gone.map((node) => node.kill()));
      return async () => {
        for (const node of gone) await node.start();
      };
    },
  },
  {
    what: 'the busiest node is stopped for 1.6 s of every 1.9 s',
    alerts: ['KeyrelayDeliverySlow'],
    slow: false,
    begin: async (stage) => stutter((await busiest(stage)).pid, { stillMs: 1_600, runMs: 300 }),
  },
  {
    what: 'one node is stopped for 0.4 s of every 0.45 s',
    alerts: ['KeyrelayEventLoopLate'],
    slow: false,
    begin: async ({ nodes }) => stutter(nodes[0].pid, { stillMs: 400, runMs: 50 }),
  },
  {
    what: 'a node serves a certificate with five days left, then loads a new one on SIGHUP',
    alerts: ['KeyrelayCertificateExpires'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('tls');
      const renew = (days: number) => {
        writeCertificate(certificateFolder, days);
        process.kill(node.pid, 'SIGHUP');
      };
      renew(5);
      return () => renew(90);
    },
  },
];
