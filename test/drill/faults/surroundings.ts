import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_CONNECTIONS } from '../stage.ts';
import { type Fault, repeatedly } from './fault.ts';

/** HAProxy, the machines, and what watches all of it. */
export const SURROUNDING_FAULTS: readonly Fault[] = [
  {
    what: 'HAProxy is stopped (SIGSTOP)',
    alerts: ['KeyrelayFrontDoorClosed'],
    slow: false,
    begin: async ({ haproxy }) => {
      haproxy.child.signal('SIGSTOP');
      return () => haproxy.child.signal('SIGCONT');
    },
  },
  {
    what: 'a disk fills to nine tenths',
    alerts: ['KeyrelayDiskFilling'],
    slow: true,
    begin: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'keyrelay-disk-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', folder]);
      writeFileSync(join(folder, 'file'), Buffer.alloc(9 << 20));
      return () => {
        execFileSync('umount', [folder]);
        rmSync(folder, { recursive: true });
      };
    },
  },
  {
    what: 'silent connections take nine tenths of the maxconn of HAProxy',
    alerts: ['KeyrelayBalancerNearlyFull'],
    slow: true,
    begin: async ({ haproxy }) => {
      const sockets = new Set<Socket>();
      // HAProxy ends those that ask for nothing after ten seconds: few at a time, so that they do not all end at once; as
      // many more as this process comes late.
      let filledMs = performance.now();
      const end = repeatedly(100, () => {
        const nowMs = performance.now();
        const missing = Math.min(0.12 * (nowMs - filledMs), 0.92 * MAX_CONNECTIONS - sockets.size);
        filledMs = nowMs;
        for (let index = 0; index < missing; index += 1) {
          const socket = connect(haproxy.port, '127.0.0.1');
          sockets.add(socket);
          socket.on('error', () => {}).once('close', () => sockets.delete(socket));
          // A close that is not read is not noticed.
          socket.resume();
        }
      });
      return async () => {
        await end();
        for (const socket of sockets) socket.destroy();
      };
    },
  },
  {
    what: 'the blackbox exporter is stopped (SIGSTOP)',
    alerts: ['KeyrelayFrontDoorUnseen'],
    slow: false,
    begin: async ({ monitoring }) => {
      monitoring.blackbox.signal('SIGSTOP');
      return () => monitoring.blackbox.signal('SIGCONT');
    },
  },
  {
    what: 'discovery finds no node any more',
    alerts: ['KeyrelayNodesUnseen'],
    slow: false,
    begin: (stage) => stage.forgetTargets('keyrelay'),
  },
  {
    what: 'discovery finds no machine any more',
    alerts: ['KeyrelayMonitoringIncomplete'],
    slow: false,
    begin: (stage) => stage.forgetTargets('machines'),
  },
];
