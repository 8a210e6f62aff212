import { readFileSync } from 'node:fs';
import { until } from '../support/until.ts';

const SETTLE_MS = 60_000;

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1024;
}

const TICK_MS = 10;

/** CPU time that a process has used, in ms. */
export function cpuMs(pid: number): number {
  const [, , ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Waits until the process is back within `percent` of what it had. Resolves with what it has then. */
export async function untilBack(pid: number, beforeMb: number, percent: number): Promise<number> {
  const atMostMb = beforeMb * (1 + percent / 100);
  await until(() => residentMb(pid) <= atMostMb, {
    what: `${beforeMb.toFixed(0)} MB + ${percent} % (has ${residentMb(pid).toFixed(0)} MB)`,
    timeoutMs: SETTLE_MS,
  });
  return residentMb(pid);
}
