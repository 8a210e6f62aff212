import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { makeCertificate } from '../../support/services/certificate.ts';
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

/** Earlier faults have moved users around, and a node without users is slow for none. */
async function busiest(nodes: Stage['nodes']): Promise<RelayNode> {
  const connected = await Promise.all(
    nodes.map((node) => node.metric('keyrelay_sockets', 'state="connected"')),
  );
  return nodes[connected.indexOf(Math.max(...connected))] ?? nodes[0];
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
    begin: async ({ nodes }) => stutter((await busiest(nodes)).pid, { stillMs: 1_600, runMs: 300 }),
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
