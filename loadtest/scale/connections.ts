import { until } from '../../test/support/until.ts';
import { say } from '../support/say.ts';
import { replay } from './replay.ts';
import { Rig } from './rig.ts';

const HOLD_PROGRESS_S = 30;
/** Of each node. */
const SCRAPES = 20;
const QUIET_MS = 1_000;
/** Of a core: what nodes take that only keep connections and beat. */
const QUIET_SHARE = 0.1;

export interface ConnectionsPlan {
  readonly connections: number;
  readonly nodes: number;
  readonly clients: number;
  readonly protocol: 1 | 2;
  /** Connects under way at once, over all client processes. */
  readonly atOnce: number;
  readonly holdS: number;
  readonly talkS: number;
  /** Envelopes a second while they talk. */
  readonly rate: number;
  /** Envelopes in the mailbox that is replayed. */
  readonly backlog: number;
}

interface Connecting {
  readonly seconds: number;
  readonly perSecond: number;
  readonly nodeUs: number;
  readonly redisUs: number;
  /** Logins that failed and were tried again. */
  readonly retried: number;
}

/** One scrape of one node while all connections are open. */
interface Scraped {
  readonly medianMs: number;
  readonly worstMs: number;
  /** Processor time of the node. */
  readonly nodeUs: number;
  readonly bytes: number;
}

export interface ConnectionsResult {
  readonly emptyNodeBytes: number;
  readonly connect: Connecting;
  readonly idleBytes: number;
  /** The part of it in V8's heap. */
  readonly idleHeapBytes: number;
  readonly idleRedisBytes: number;
  readonly hold: {
    readonly seconds: number;
    readonly pings: number;
    readonly lost: number;
    /** Processor time per second and connection, pings and beats included. */
    readonly nodesUs: number;
    readonly redisUs: number;
  };
  readonly scrape: Scraped;
  readonly talk: {
    readonly sent: number;
    readonly received: number;
    readonly nodesUs: number;
    readonly redisUs: number;
  };
  /** Node memory for a connection that has sent and received. */
  readonly busyBytes: number;
  /** All at once, while the nodes still end the sessions that were cut. */
  readonly reconnect: Connecting;
  /** Once these have ended. V8 has compiled by now what the first connects run through. */
  readonly again: Connecting;
  readonly replayPerS: { readonly 1: number; readonly 2: number };
}

/** Holds connections, lets them talk, cuts them, lets them all come back, and replays one backlog. */
export async function measureConnections(plan: ConnectionsPlan): Promise<ConnectionsResult> {
  const { connections } = plan;
  const rig = await Rig.start(plan);
  try {
    say(`registering ${connections} users with ${rig.nodes.length} nodes …`);
    await rig.register(connections, plan.protocol);
    await rig.collect();
    const empty = rig.usage();
    const emptyHeap = rig.heapBytes;

    say('connecting all …');
    const connecting = await connect(rig, plan);
    say(`connected, ${Math.round(connecting.perSecond)} a second`);
    await rig.collect();
    const held = rig.usage();
    const heldHeap = rig.heapBytes;

    const holding = await hold(rig, plan);
    const scraped = await scrape(rig);
    say(`all clients talk, ${plan.rate} envelopes a second for ${plan.talkS} s …`);
    const talking = await talk(rig, plan);
    await rig.collect();
    const busy = rig.usage();

    say('cutting all …');
    await rig.ask('cut', () => ({ do: 'cut' }));
    const back = await connect(rig, plan);
    say(`all back after ${back.seconds.toFixed(1)} s`);
    await rig.ask('cut', () => ({ do: 'cut' }));
    await settle(rig);
    say('connecting all once more …');
    const again = await connect(rig, plan);
    say(`connected, ${Math.round(again.perSecond)} a second`);
    const replayOf = async (protocol: 1 | 2) => {
      say(`replaying ${plan.backlog} envelopes to one client, protocol ${protocol} …`);
      const { perSecond } = await replay({ urls: rig.urls, protocol, envelopes: plan.backlog });
      return perSecond;
    };
    return {
      emptyNodeBytes: empty.nodesBytes / rig.nodes.length,
      connect: connecting,
      idleBytes: (held.nodesBytes - empty.nodesBytes) / connections,
      idleHeapBytes: (heldHeap - emptyHeap) / connections,
      idleRedisBytes: (held.redisBytes - empty.redisBytes) / connections,
      hold: holding,
      scrape: scraped,
      talk: talking,
      busyBytes: (busy.nodesBytes - empty.nodesBytes) / connections,
      reconnect: back,
      again,
      replayPerS: { 1: await replayOf(1), 2: await replayOf(2) },
    };
  } finally {
    await rig.stop();
  }
}

async function connect(rig: Rig, plan: ConnectionsPlan): Promise<Connecting> {
  const before = rig.usage();
  const startedMs = performance.now();
  const atOnce = Math.ceil(plan.atOnce / rig.clients);
  const replies = await rig.ask('connect', () => ({ do: 'connect', atOnce, users: plan.connections }));
  const seconds = (performance.now() - startedMs) / 1000;
  const used = rig.since(before);
  const open = replies.reduce((sum, reply) => sum + reply.open, 0);
  const failed = replies.flatMap((reply) => reply.failed);
  if (open !== plan.connections)
    throw new Error(`${open} of ${plan.connections} are connected: ${failed[0]}`);
  return {
    seconds,
    perSecond: open / seconds,
    nodeUs: used.nodesUs / open,
    redisUs: used.redisUs / open,
    retried: failed.length,
  };
}

/** Resolves once nodes and Redis have next to nothing to do: what is measured then is not of what was before. */
async function settle(rig: Rig): Promise<void> {
  const isQuiet = async () => {
    const before = rig.usage();
    await new Promise((done) => setTimeout(done, QUIET_MS));
    const { nodesUs, redisUs } = rig.since(before);
    return nodesUs + redisUs < QUIET_MS * 1_000 * QUIET_SHARE;
  };
  await until(isQuiet, { what: 'nodes and Redis to have nothing to do' });
}

async function hold(rig: Rig, plan: ConnectionsPlan): Promise<ConnectionsResult['hold']> {
  const before = rig.usage();
  const first = await count(rig);
  const startedMs = performance.now();
  const endMs = startedMs + plan.holdS * 1000;
  for (let leftMs = plan.holdS * 1000; leftMs > 0; leftMs = endMs - performance.now()) {
    await new Promise((done) => setTimeout(done, Math.min(leftMs, HOLD_PROGRESS_S * 1000)));
    const { open, lost } = await count(rig);
    say(`held for ${Math.round((performance.now() - startedMs) / 1000)} s: ${open} open, ${lost} lost`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const used = rig.since(before);
  const last = await count(rig);
  return {
    seconds,
    pings: last.pings - first.pings,
    lost: last.lost,
    nodesUs: used.nodesUs / seconds / plan.connections,
    redisUs: used.redisUs / seconds / plan.connections,
  };
}

async function scrape(rig: Rig): Promise<Scraped> {
  const before = rig.usage();
  const times: number[] = [];
  let bytes = 0;
  for (let scrapes = 0; scrapes < SCRAPES; scrapes += 1) {
    for (const { adminPort } of rig.nodes) {
      const startedMs = performance.now();
      const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
      bytes = (await answer.text()).length;
      times.push(performance.now() - startedMs);
    }
  }
  times.sort((a, b) => a - b);
  return {
    medianMs: times[Math.floor(times.length / 2)] ?? Number.NaN,
    worstMs: times.at(-1) ?? Number.NaN,
    nodeUs: rig.since(before).nodesUs / times.length,
    bytes,
  };
}

async function count(rig: Rig): Promise<{ open: number; lost: number; pings: number }> {
  const replies = await rig.ask('count', () => ({ do: 'count' }));
  return {
    open: replies.reduce((sum, reply) => sum + reply.open, 0),
    lost: replies.reduce((sum, reply) => sum + reply.closed, 0),
    pings: replies.reduce((sum, reply) => sum + reply.pings, 0),
  };
}

async function talk(rig: Rig, plan: ConnectionsPlan): Promise<ConnectionsResult['talk']> {
  const before = rig.usage();
  const perSecond = plan.rate / rig.clients;
  const replies = await rig.ask('talk', () => ({ do: 'talk', perSecond, seconds: plan.talkS }));
  const used = rig.since(before);
  const sent = replies.reduce((sum, reply) => sum + reply.sent, 0);
  const received = replies.reduce((sum, reply) => sum + reply.received, 0);
  return { sent, received, nodesUs: used.nodesUs / received, redisUs: used.redisUs / received };
}
