const startedMs = performance.now();

/** A line of progress, with the time since the program began. */
export function say(line: string): void {
  const s = Math.round((performance.now() - startedMs) / 1000);
  process.stderr.write(`[${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}] ${line}\n`);
}
