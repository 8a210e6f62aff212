import { ClientError } from '../errors.ts';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Deeper than any message of a person or a program; a cycle is deeper still. */
const DEPTH_MAX = 100;

/**
 * Throws `invalid_argument` unless JSON keeps the value as it is. `JSON.stringify` alone makes something else of a
 * Date, a Uint8Array or NaN without a word, and throws errors without a code.
 */
export function requireJson(value: unknown, where = 'The message', depth = 0): asserts value is Json {
  const problem = problemOf(value, depth);
  if (problem !== null) throw new ClientError('invalid_argument', `${where} ${problem}`);
  if (typeof value !== 'object' || value === null) return;
  // Not `entries()` of the array: it would hide holes.
  for (const [name, member] of Object.entries(value)) requireJson(member, `${where}.${name}`, depth + 1);
}

function problemOf(value: unknown, depth: number): string | null {
  if (depth > DEPTH_MAX) return `is nested more than ${DEPTH_MAX} deep, or contains itself.`;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : `is ${value}, which JSON does not have.`;
    case 'bigint':
      return 'is a BigInt, which JSON does not have: send a string or a number.';
    case 'object':
      return value === null ? null : problemOfObject(value);
    default:
      return `is ${typeof value}, which JSON does not have.`;
  }
}

function problemOfObject(value: object): string | null {
  if (Array.isArray(value)) {
    return Object.keys(value).length === value.length ? null : 'is an array with holes.';
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm (a frame, a vm context) has another Object.prototype, at the end of its chain too.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return null;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return 'is bytes: send them with sendFile(), or as a base64 string.';
  }
  if (value instanceof Date) return 'is a Date: send toISOString() of it, or a number.';
  const { name } = value.constructor;
  return `is a ${name === '' ? 'class instance' : name}: send a plain object.`;
}
