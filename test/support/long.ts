import { test } from 'vitest';

/** `npm run test:long` and `test:browser` play every case at full length, `npm test` a short form of each kind. */
const LONG = process.env.KEYRELAY_LONG === '1';

/** A case that another one stands for in `npm test`. */
export const longTest = test.runIf(LONG);

/** How much of a case is played. */
export function byLength<T>(short: T, long: T): T {
  return LONG ? long : short;
}
