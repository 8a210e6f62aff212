import type { LiveNode, NodeDetails } from '../engine.ts';
import type { EngineObserver } from '../observer.ts';
import type { Calls } from './cluster/calls.ts';
import { listOf, textOf } from './connection/reply.ts';
import { LIVE_NODES, nodeKey } from './schema.ts';
import type { Scripts } from './scripts.ts';
import type { Timings } from './timings.ts';

export interface PresenceOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly nodeId: string;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  /** Null until the node serves clients; a tool never does. */
  readonly details: () => NodeDetails | null;
}

/** How often a node that is starting is asked for its details. */
const NOT_YET_MS = 200;

/**
 * Which nodes live: `node:<id>` with what there is to know about a node, and the list of their ids. Both expire some time
 * after the node has died. Users are present where their `node` field names a live node, so there is one heartbeat per
 * node, not one per user.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #key: string;
  readonly #since = new Date().toISOString();
  #timer: NodeJS.Timeout | undefined;
  #announced = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#key = nodeKey(options.nodeId);
  }

  start(): void {
    const { details, timings } = this.#options;
    const known = details();
    const nextMs = known === null ? NOT_YET_MS : timings.presenceEveryMs;
    this.#timer = setTimeout(() => this.start(), nextMs).unref();
    if (known === null) return;
    this.#announced = true;
    this.#beat(known).catch(() => {
      // Redis is away, which others report; the next beat tries again.
    });
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#announced) return;
    const { calls, nodeId } = this.#options;
    // Best effort: both expire.
    await Promise.allSettled([
      calls.command('presence', this.#key, ['DEL', this.#key]),
      calls.command('presence', LIVE_NODES, ['ZREM', LIVE_NODES, nodeId]),
    ]);
  }

  /** By id. @throws EngineUnavailable */
  async nodes(): Promise<readonly LiveNode[]> {
    const { calls } = this.#options;
    const ids = listOf(await calls.command('presence', LIVE_NODES, ['ZRANGE', LIVE_NODES, '0', '-1']));
    const nodes = await Promise.all(
      ids.map(String).map(async (id) => {
        const key = nodeKey(id);
        return readNode(id, textOf(await calls.command('presence', key, ['GET', key])));
      }),
    );
    return nodes.filter((node) => node !== null).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #beat(details: NodeDetails): Promise<void> {
    const { calls, scripts, nodeId, timings, observer } = this.#options;
    const ttl = `${timings.presenceTtlMs}`;
    const value = JSON.stringify({ ...details, since: this.#since });
    const set = calls.command('presence', this.#key, ['SET', this.#key, value, 'PX', ttl]);
    // A full Redis refuses SET, but not to prolong the key that is there.
    await set.catch(() => calls.command('presence', this.#key, ['PEXPIRE', this.#key, ttl]));
    const live = await calls.run({
      script: scripts.heartbeat,
      key: LIVE_NODES,
      args: () => [nodeId, ttl],
    });
    observer.liveNodes(Number(live));
  }
}

/** Null if the node has died since, or another version wrote something else. */
function readNode(id: string, text: string | null): LiveNode | null {
  try {
    const { address, version, since, sockets } = JSON.parse(text ?? 'null') as Record<string, unknown>;
    return {
      id: decodeURIComponent(id),
      address: String(address),
      version: String(version),
      since: String(since),
      sockets: Number(sockets),
    };
  } catch {
    return null;
  }
}
