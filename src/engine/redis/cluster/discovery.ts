import { EngineMisconfigured, EngineUnavailable } from '../../engine.ts';
import type { Access, Address, Deployment } from '../connection/address.ts';
import { formatAddress, namedAddress } from '../connection/address.ts';
import { isClusterNode, parseInfo } from '../connection/checks.ts';
import { Connection } from '../connection/connection.ts';
import type { Reply } from '../connection/reply.ts';
import { SLOTS } from './slots.ts';

/** The masters and their slots. */
export interface Layout {
  readonly masters: readonly {
    readonly address: Address;
    /** First and last, both included. */
    readonly slots: readonly (readonly [number, number])[];
  }[];
}

/** @param known servers in use, to be asked first */
export type Discover = (known: readonly Address[]) => Promise<Layout>;

export interface Discovery {
  readonly isCluster: boolean;
  readonly discover: Discover;
  /**
   * Throws if this server is known not to be the master any more. A master that was restarted during a failover still
   * believes that it is one, and accepts envelopes that it is about to discard.
   */
  readonly confirmMaster: (address: Address) => Promise<void>;
}

const ALWAYS = async (): Promise<void> => {};

/**
 * How to find the layout: fixed for one server; from Sentinel; from the nodes of a Cluster.
 * @throws Error that says why the deployment is not what the URLs say
 */
export async function discovery(deployment: Deployment, timeoutMs: number): Promise<Discovery> {
  const { access } = deployment;
  if (deployment.kind === 'sentinel') {
    const open = { access: deployment.sentinelAccess, timeoutMs };
    const discover = () => newestAnswer(deployment.sentinels, open, deployment.masterName);
    return { isCluster: false, discover, confirmMaster: (address) => confirmBy(discover, address) };
  }
  const { seeds } = deployment;
  const open = { access, timeoutMs };
  const isCluster = await firstAnswer(seeds, open, isClusterNode);
  if (isCluster) {
    // A Cluster node knows its own role, or says that it does not.
    const discover: Discover = (known) => firstAnswer([...known, ...seeds], open, askCluster);
    return { isCluster, discover, confirmMaster: ALWAYS };
  }
  const [address] = seeds;
  if (address === undefined || seeds.length > 1) {
    const names = seeds.map(formatAddress).join(', ');
    throw new EngineMisconfigured(
      `several Redis URLs mean a Redis Cluster, but cluster-enabled is off at ${names}: give one URL`,
    );
  }
  return {
    isCluster,
    discover: async () => ({ masters: [{ address, slots: [[0, SLOTS - 1]] }] }),
    confirmMaster: ALWAYS,
  };
}

async function confirmBy(discover: Discover, { host, port }: Address): Promise<void> {
  // If no sentinel answers, the last known state is the best there is.
  const layout = await discover([]).catch(() => null);
  if (layout === null || layout.masters.some(({ address }) => address.host === host && address.port === port))
    return;
  throw new EngineUnavailable(
    `${formatAddress({ host, port })} is up, but the sentinels name another master`,
  );
}

/** Asks one server after the other, over a new connection each, until one answers. */
async function firstAnswer<T>(
  addresses: readonly Address[],
  open: { readonly access: Access; readonly timeoutMs: number },
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const reasons = new Set<string>();
  for (const address of addresses) {
    let connection: Connection | null = null;
    try {
      connection = await Connection.open({ ...open, address });
      return await ask(connection);
    } catch (error) {
      reasons.add(`${formatAddress(address)}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      connection?.destroy('asked');
    }
  }
  throw new EngineUnavailable([...reasons].join('; '));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Naming {
  readonly address: Address;
  /** Of the failover that made it the master; grows with each failover. */
  readonly epoch: number;
}

/**
 * Asks every sentinel and believes the one that knows of the newest failover. The first to answer may not have heard of
 * it: if the old master is back by then, it would store envelopes that it is about to discard.
 */
async function newestAnswer(
  sentinels: readonly Address[],
  open: { readonly access: Access; readonly timeoutMs: number },
  masterName: string,
): Promise<Layout> {
  const asked = await Promise.allSettled(
    sentinels.map((address) => firstAnswer([address], open, (sentinel) => askSentinel(sentinel, masterName))),
  );
  const named = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [newest] = named.toSorted((a, b) => b.epoch - a.epoch);
  if (newest === undefined) {
    const reasons = asked.flatMap((answer) =>
      answer.status === 'rejected' ? [messageOf(answer.reason)] : [],
    );
    const reason = reasons.join('; ');
    throw new EngineUnavailable(
      /\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(reason)
        ? `${reason}. The user and password of the sentinels are options of RELAY_REDIS_URL: ` +
            '…/master-name?sentinel_user=…&sentinel_password=…'
        : reason,
    );
  }
  return { masters: [{ address: newest.address, slots: [[0, SLOTS - 1]] }] };
}

async function askSentinel(connection: Connection, masterName: string): Promise<Naming> {
  // The first command names the replica as soon as it is promoted; only the second tells the epoch.
  const [address, state] = await Promise.all([
    connection.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName]),
    connection.send(['SENTINEL', 'MASTER', masterName]).catch(() => null),
  ]);
  if (!Array.isArray(address)) {
    throw new Error(`the sentinel at ${connection.name} knows no master called ${masterName}`);
  }
  const [host, port] = address as readonly Reply[];
  const fields = Array.isArray(state) ? (state as readonly Reply[]).map(String) : [];
  const epoch = Number(fields[fields.indexOf('config-epoch') + 1] ?? 0);
  return { address: { host: String(host), port: Number(String(port)) }, epoch };
}

async function askCluster(connection: Connection): Promise<Layout> {
  const [info, reply] = await Promise.all([
    connection.send(['CLUSTER', 'INFO']),
    connection.send(['CLUSTER', 'SLOTS']),
  ]);
  // A node that is cut off from the majority still believes what was true before.
  const state = parseInfo(String(info)).get('cluster_state');
  if (state !== 'ok') throw new Error(`cluster_state is ${state} at ${connection.name}`);
  const masters = new Map<string, { address: Address; slots: [number, number][] }>();
  for (const range of Array.isArray(reply) ? (reply as readonly Reply[]) : []) {
    const [from, to, master] = range as readonly [number, number, readonly Reply[]];
    const address = namedAddress(String(master[0] ?? ''), Number(master[1]), connection);
    const name = formatAddress(address);
    const known = masters.get(name) ?? { address, slots: [] };
    known.slots.push([from, to]);
    masters.set(name, known);
  }
  return { masters: [...masters.values()] };
}
