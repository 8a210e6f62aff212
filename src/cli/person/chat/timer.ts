const UNIT_S = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** Seconds of `90s`, `30m`, `1h`, `1d`, `2w`, and 0 of `off`. Throws for anything else, in words. */
export function readTimer(text: string): number {
  if (text === 'off') return 0;
  const [, count, unit] = /^([1-9]\d{0,7})([smhdw])$/.exec(text) ?? [];
  if (count === undefined) throw new Error('after how long? /timer 1h (or 30m, 1d, 2w), /timer off');
  return Number(count) * UNIT_S[unit as keyof typeof UNIT_S];
}
