const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `1m30s`, `500ms`, or a number of milliseconds, in milliseconds. */
export function durationMs(duration: string | number): number {
  if (typeof duration === 'number') return duration;
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration)
    throw new Error(`"${duration}" is no duration: 1m30s is one`);
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS_MS[unit] ?? 0), 0);
}

/** As k6 prints it: `12.5µs`, `148.21ms`, `1.2s`, `2m5s`. */
export function printDuration(ms: number): string {
  const short = (value: number) => `${Number(value.toFixed(2))}`;
  if (ms === 0) return '0s';
  if (Math.abs(ms) < 1) return `${short(ms * 1_000)}µs`;
  if (Math.abs(ms) < 1_000) return `${short(ms)}ms`;
  if (Math.abs(ms) < 60_000) return `${short(ms / 1_000)}s`;
  return `${Math.floor(ms / 60_000)}m${Math.round((ms % 60_000) / 1_000)}s`;
}
