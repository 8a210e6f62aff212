import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlainClient } from '../support/clients/plain-client.ts';
import { type PlainUser, registerUser } from '../support/clients/users.ts';
import { makeCertificate } from '../support/servers/certificate.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { MAX_CONNECTIONS, type Stage } from './stage.ts';

/** A real fault that makes alerts fire, and its repair, which makes them resolve. */
export interface Fault {
  readonly what: string;
  readonly alerts: readonly string[];
  /** Takes ten minutes or more to fire or to resolve, and touches nothing that another slow one needs. */
  readonly slow: boolean;
  /** Resolves with the repair. */
  begin(stage: Stage): Promise<() => unknown>;
}

/** A node that soon damps devices that displace each other. */
export const FLAPPING = { RELAY_TAKEOVERS_MAX: '2' };
/** A node with room for few connections. */
export const SMALL = { RELAY_MAX_SOCKETS: '10' };
const SMALL_SOCKETS = 10;
/** A node that takes no new users. */
export const CLOSED = { RELAY_MAX_USERS: '1' };
const DAY_MS = 86_400_000;

/** Repeats a task. @returns stops it */
function repeatedly(everyMs: number, task: () => unknown): () => Promise<void> {
  let going = true;
  const loop = (async () => {
    while (going) {
      await Promise.resolve(task()).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return async () => {
    going = false;
    await loop;
  };
}

/** The process stands still for `stillMs`, then runs for `runMs`, and so on. */
function stutter(pid: number, { stillMs, runMs }: { stillMs: number; runMs: number }): () => Promise<void> {
  const end = repeatedly(runMs, async () => {
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, stillMs));
    process.kill(pid, 'SIGCONT');
  });
  return end;
}

/** A new user; asks again if the relay is busy with another fault. */
const newUser = (http: string): Promise<PlainUser> => registerUser(http, { tries: 10 });

function setConfig({ redis }: Stage, name: string, value: string): Promise<unknown> {
  return redis.call('CONFIG', 'SET', name, value);
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

export const FAULTS = ({
  certificateFolder,
  speed,
}: {
  readonly certificateFolder: string;
  /** Of Prometheus' clock; see `copyFaster`. */
  readonly speed: number;
}): readonly Fault[] => [
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
    what: 'Redis is stopped (SIGSTOP) while users log in at a node',
    alerts: ['KeyrelayRedisDown', 'KeyrelayNodeNotReady', 'KeyrelayLoginsFailing'],
    slow: false,
    begin: async ({ redis, nodes, http }) => {
      const user = await newUser(http);
      redis.pause();
      const end = repeatedly(200, () => PlainClient.login(nodes[0].ws, user));
      return async () => {
        redis.resume();
        await end();
      };
    },
  },
  {
    what: 'Redis reaches its maxmemory',
    alerts: ['KeyrelayEnvelopesRefused', 'KeyrelayRedisMemoryFull'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory', '1mb');
      return () => setConfig(stage, 'maxmemory', '1gb');
    },
  },
  {
    what: 'something fills Redis steadily',
    alerts: ['KeyrelayRedisMemoryFilling'],
    slow: true,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory', '200mb');
      let number = 0;
      const fill = async (count: number) => {
        for (let index = 0; index < count; index += 1) {
          number += 1;
          await stage.redis.call('SETRANGE', `filler:${number}`, 999_999, 'x');
        }
      };
      await fill(100);
      // Half a gigabyte an hour: what is left would last for a quarter of an hour.
      const end = repeatedly(10_000 / speed, () => fill(1));
      return async () => {
        await end();
        for (; number > 0; number -= 1) await stage.redis.call('DEL', `filler:${number}`);
        await setConfig(stage, 'maxmemory', '1gb');
      };
    },
  },
  {
    what: 'the append-only file is turned off',
    alerts: ['KeyrelayRedisNotPersisting'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'appendonly', 'no');
      return () => setConfig(stage, 'appendonly', 'yes');
    },
  },
  {
    what: 'maxmemory-policy is changed to allkeys-lru',
    alerts: ['KeyrelayRedisEvicts'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory-policy', 'allkeys-lru');
      return () => setConfig(stage, 'maxmemory-policy', 'noeviction');
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
    what: 'publish/subscribe is silent, everything else works',
    alerts: ['KeyrelayWakeUpsFailing'],
    slow: false,
    begin: async ({ proxy }) => {
      proxy.add({ kind: 'silence', channel: () => true }, 'down');
      return () => proxy.heal();
    },
  },
  {
    what: 'publish/subscribe is silent except for the probes',
    alerts: ['KeyrelayWakeUpsLost'],
    slow: true,
    begin: async ({ proxy }) => {
      proxy.add({ kind: 'silence', channel: (name) => !name.startsWith('probe:') }, 'down');
      return () => proxy.heal();
    },
  },
  {
    what: 'a node with room for ten connections is full, and more arrive',
    alerts: ['KeyrelayNewcomersRefused', 'KeyrelaySocketsNearlyFull'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('small');
      const clients: PlainClient[] = [];
      while (clients.length < SMALL_SOCKETS) {
        clients.push(await PlainClient.login(node.ws, await newUser(node.http)));
      }
      const end = repeatedly(200, () => PlainClient.open(node.ws));
      return async () => {
        await end();
        await Promise.all(clients.map((client) => client.close()));
      };
    },
  },
  {
    what: 'a sender keeps writing to a recipient who is offline',
    alerts: ['KeyrelayMailboxesFull'],
    slow: true,
    begin: async ({ http, ws }) => {
      const [away, user] = [await newUser(http), await newUser(http)];
      const client = await PlainClient.login(ws, user);
      const message = '{"type":"message","payload":"are you there?"}';
      const data = `{"sender":"${user.code}","recipient":"${away.code}","message":${message}}`;
      const end = repeatedly(20, () => client.sendData(user, data));
      return async () => {
        await end();
        await client.close();
      };
    },
  },
  {
    what: 'two devices of each of five users keep displacing each other',
    alerts: ['KeyrelayDevicesFlap'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('flapping');
      const users = await Promise.all(Array.from({ length: 5 }, () => newUser(node.http)));
      const ends = users.map((user) => repeatedly(500, () => PlainClient.login(node.ws, user)));
      return async () => {
        await Promise.all(ends.map((end) => end()));
      };
    },
  },
  {
    what: 'unexpected data is written behind the mail of two mailboxes, and their owners log in',
    alerts: ['KeyrelayPoison'],
    slow: true,
    begin: async (stage) => {
      const writer = await newUser(stage.http);
      const client = await PlainClient.login(stage.ws, writer);
      for (const user of [await newUser(stage.http), await newUser(stage.http)]) {
        const message = '{"type":"message","payload":"real mail"}';
        const data = `{"sender":"${writer.code}","recipient":"${user.code}","id":"real","message":${message}}`;
        client.sendData(writer, data);
        await client.until(() => client.accepted().length > 0);
        await stage.redis.call('XADD', `inbox:{${user.code}}`, '*', 'unexpected', '1');
        const reader = await PlainClient.login(stage.ws, user);
        await reader.until(() => reader.envelopes.length === 1);
        client.received.length = 0;
        await reader.close();
      }
      await client.close();
      return () => undefined;
    },
  },
  {
    what: 'users register at a node whose RELAY_MAX_USERS is reached',
    alerts: ['KeyrelayRegistrationsRefused'],
    slow: true,
    begin: async (stage) => repeatedly(200, () => registerUser(stage.extra('closed').http)),
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
      // HAProxy ends those that ask for nothing after ten seconds: a few at a time, so that they do not all end at once.
      const end = repeatedly(100, () => {
        const missing = Math.min(12, 0.92 * MAX_CONNECTIONS - sockets.size);
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
    what: 'the replica of Redis is killed -9, then restarted',
    alerts: ['KeyrelayReplicasLost'],
    slow: false,
    begin: async (stage) => {
      await stage.replica.kill();
      return () => stage.replica.restart();
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
