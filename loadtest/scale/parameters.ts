import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Files of a process that are no connections of clients: libraries, Redis, logs. */
export const FILES_OF_ITS_OWN = 1_000;
/** Of one source address to one port: net.ipv4.ip_local_port_range has 28,232 by default. */
const PORTS_OF_AN_ADDRESS = 20_000;
/** Of all processes together, for one connection: client with its keys, node, Redis, both ends in the kernel. */
const BYTES_OF_A_CONNECTION = 45_000;
const PROCESSES_MAX = 250;

/** Said instead of a stack: the parameters cannot work on this machine. */
export class Impossible extends Error {}

/** A whole number within bounds, or words about what would be one. */
export function whole(name: string, text: string, bounds: { min: number; max: number }): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max)
    throw new Impossible(`--${name} ${text}: give a whole number from ${bounds.min} to ${bounds.max}`);
  return value;
}

export function connectionsOfAProcess(): number {
  return Math.min(openFilesMax() - FILES_OF_ITS_OWN, PORTS_OF_AN_ADDRESS);
}

/** How many nodes, and how many client processes, hold so many connections here. */
export function processesFor(wanted: { connections: number; nodes: number | null }): {
  nodes: number;
  clients: number;
} {
  const { connections, nodes } = wanted;
  const each = connectionsOfAProcess();
  const least = Math.ceil(connections / each);
  const files = `a process here may open ${openFilesMax()} files (ulimit -n), so it holds ${each}`;
  if (nodes !== null && nodes < least)
    throw new Impossible(
      `${connections} connections on ${nodes} nodes: ${files}; give --nodes ${least} or more`,
    );
  if (least > PROCESSES_MAX)
    throw new Impossible(`${connections} connections need ${least} nodes, since ${files}; raise ulimit -n`);
  const needed = connections * BYTES_OF_A_CONNECTION;
  const free = availableBytes();
  if (needed > free) {
    const most = Math.floor(free / BYTES_OF_A_CONNECTION / 1000) * 1000;
    throw new Impossible(
      `${connections} connections take about ${gigabytes(needed)} with their clients, and ${gigabytes(free)} are free here: --connections ${most} at most`,
    );
  }
  return { nodes: Math.max(nodes ?? 2, least), clients: Math.max(2, least) };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function availableBytes(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  } catch {
    return totalmem();
  }
}

/** Files that this process, and those it starts, may open. */
function openFilesMax(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Number(limit ?? 1024);
}
