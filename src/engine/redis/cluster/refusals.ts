import type { RedisError } from '../connection/reply.ts';

/** Refusals after which nothing has happened, and the same call may be made again. */
const PASSING = new Set([
  'NOSCRIPT',
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'BUSY',
  'READONLY',
]);
/** Redis takes no writes at the moment. */
const REFUSING_WRITES = new Set(['OOM', 'MISCONF', 'NOREPLICAS']);
/** A script met a missing key of a slot that is moving, before its first write: see lua/keys.lua. */
const KEY_IS_MOVING = 'access a non local key';

export function mayPass(error: RedisError): boolean {
  return PASSING.has(error.kind) || keyIsMoving(error);
}

export function keyIsMoving({ kind, message }: RedisError): boolean {
  return kind === 'ERR' && message.includes(KEY_IS_MOVING);
}

export function refusesWrites({ kind }: RedisError): boolean {
  return REFUSING_WRITES.has(kind);
}
