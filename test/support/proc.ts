import { readdirSync, readFileSync } from 'node:fs';

/** What Linux tells about processes: proc(5). */

/** The same on every machine that Node runs on: sysconf(_SC_CLK_TCK). */
const TICKS_PER_S = 100;

/** Processor time of all threads. */
export interface CpuSplit {
  /** Of the program itself. Microseconds. */
  readonly userUs: number;
  /** Of the kernel for it: system calls, falling asleep, waking up. Microseconds. */
  readonly systemUs: number;
}

/** /proc/pid/stat, fields 14 and 15. */
export function cpuSplit(pid: number): CpuSplit {
  // The name in field 2 may contain spaces.
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const us = (ticks: string | undefined) => (Number(ticks) / TICKS_PER_S) * 1e6;
  return { userUs: us(afterName[11]), systemUs: us(afterName[12]) };
}

/** Both together, microseconds. */
export function cpuUs(pid: number): number {
  const { userUs, systemUs } = cpuSplit(pid);
  return userUs + systemUs;
}

/** How often its threads went to sleep by themselves, to be woken later: voluntary_ctxt_switches of each. */
export function sleepsOf(pid: number): number {
  const counts = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(pid, `task/${thread}/status`))?.[1] ?? 0),
  );
  return counts.reduce((sum, count) => sum + count, 0);
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
