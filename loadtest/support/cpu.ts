import { readFileSync } from 'node:fs';

/** Of Linux on every machine that Node runs on: proc(5), sysconf(_SC_CLK_TCK). */
const TICKS_PER_S = 100;

/** Microseconds of user and system time of a process, all its threads: proc(5), /proc/pid/stat, fields 14 and 15. */
export function cpuUs(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return ((Number(afterName[11]) + Number(afterName[12])) / TICKS_PER_S) * 1e6;
}

/** Bytes that a process holds in memory. Buffers of its sockets are the kernel's and not in it. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Files that this process, and those it starts, may open. */
export function openFilesMax(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Number(limit ?? 1024);
}
