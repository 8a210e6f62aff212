/** Options by environment: `k6 run -e PAIRS=100 …`. What is not set has the value given here. */

function number(name: string, otherwise: number): number {
  const value = Number(__ENV[name] ?? otherwise);
  if (!(value > 0)) throw new Error(`${name}=${__ENV[name]}: give a number greater than 0`);
  return value;
}

/** One WebSocket URL or several with commas: writers and readers are spread over them, each pair over two. */
export const RELAY_URLS = (__ENV.RELAY_URL ?? 'ws://127.0.0.1:8080/ws').split(',');
/** A user who writes and one who reads. */
export const PAIRS = number('PAIRS', 50);
/** Envelopes a second of an average day, all pairs together. */
export const RATE = number('RATE', 200);
/** Of one pair. */
export const PER_PAIR = RATE / PAIRS;
/** Multiplies every length of time. */
export const TIME = number('TIME', 1);
/** After the last envelope of a session: how long what is still on its way may take, s. */
export const SETTLE_S = number('SETTLE_S', 20);
/** 2 signs its logins in the script, which takes k6 about 20 ms each. */
export const PROTOCOL = __ENV.PROTOCOL === '2' ? 2 : 1;
/** Bound on p99 of a calm relay, ms. */
export const P99_MS = number('P99_MS', 250);

/** A duration as k6 takes it, of so many seconds before `TIME` is applied. */
export function duration(seconds: number): string {
  return `${Math.round(seconds * TIME * 1_000)}ms`;
}
