import { REGISTRATION_MEMORY_PERCENT, USER_BYTES } from '../bounds.ts';

const GB = 1e9;
/** Of what registrations may fill: the rest is for mail. */
const USERS_SHARE = 1 / 2;

/** `maxmemory` of all masters together, bytes; 0 if one of them has no limit. */
export function totalMaxMemory(each: readonly number[]): number {
  return each.includes(0) ? 0 : each.reduce((sum, bytes) => sum + bytes, 0);
}

/** In words, that so many users do not fit into Redis and leave room for mail; null if they do. */
export function usersDoNotFit(maxUsers: number, maxMemoryBytes: number): string | null {
  const bytes = maxUsers * USER_BYTES;
  const share = (REGISTRATION_MEMORY_PERCENT / 100) * USERS_SHARE;
  if (maxMemoryBytes === 0 || bytes <= maxMemoryBytes * share) return null;
  const gb = (amount: number) => `${(amount / GB).toFixed(1)} GB`;
  const fit = Math.floor((maxMemoryBytes * share) / USER_BYTES / 1000) * 1000;
  return (
    `RELAY_MAX_USERS ${maxUsers} × ${USER_BYTES} bytes take ${gb(bytes)} of ${gb(maxMemoryBytes)} maxmemory, and leave ` +
    `too little for mail: ${fit} users fit, or a maxmemory of ${gb(bytes / share)}`
  );
}
