import { readFileSync } from 'node:fs';

/** What Linux tells about processes: proc(5). */

/** The same on every machine that Node runs on: sysconf(_SC_CLK_TCK). */
const TICKS_PER_S = 100;

/** User and system time of all threads, microseconds: /proc/pid/stat, fields 14 and 15. */
export function cpuUs(pid: number): number {
  // The name in field 2 may contain spaces.
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return ((Number(afterName[11]) + Number(afterName[12])) / TICKS_PER_S) * 1e6;
}

/** Resident memory in bytes; 0 if the process is gone. Buffers of its sockets belong to the kernel and are not in it. */
export function residentBytes(pid: number): number {
  return kilobytes(pid, 'status', 'VmRSS') * 1024;
}

/** Whether it runs; one that has ended and was not waited for does not. */
export function isRunning(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(read(pid, 'status'));
}

/** The processes that it started. */
export function childrenOf(pid: number): readonly number[] {
  return read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function kilobytes(pid: number, file: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(pid, file))?.[1] ?? 0);
}

/** Empty if the process is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
