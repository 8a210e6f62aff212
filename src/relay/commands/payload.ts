import { isCode } from '../../protocol/codes.ts';
import { parseStrictJson } from '../../protocol/json/scanner.ts';
import { BadCommand, type Payload } from './command.ts';

/** @param bytes of the payload, which were scanned as a part of the frame; null if it has none */
export function readPayload(bytes: Uint8Array | null): Payload {
  if (bytes === null) return {};
  const parsed = parseStrictJson(bytes);
  const value = parsed.ok ? parsed.value : null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadCommand('the payload of a command is a JSON object');
  }
  return value as Payload;
}

/** A member that must be a code. */
export function codeIn(payload: Payload, member: string): string {
  const value = payload[member];
  if (typeof value === 'string' && isCode(value)) return value;
  throw new BadCommand(`${member} must be a code: 7 characters of 0-9 and A-Z without I, L, O and U`);
}

/** The same, of another user than that of the session. */
export function othersCodeIn(payload: Payload, member: string, own: { readonly code: string }): string {
  const code = codeIn(payload, member);
  if (code === own.code) throw new BadCommand(`${member} is your own`);
  return code;
}

/** A list of codes; empty if the member is absent. */
export function codesIn(payload: Payload, member: string, max: number): readonly string[] {
  const value = payload[member] ?? [];
  const right = Array.isArray(value) && value.length <= max && value.every((each) => isCode(String(each)));
  if (right) return value as string[];
  throw new BadCommand(`${member} must be a list of at most ${max} codes`);
}

/** A member that must be one of these words. */
export function wordIn<const T extends string>(payload: Payload, member: string, words: readonly T[]): T {
  const word = words.find((each) => each === payload[member]);
  if (word !== undefined) return word;
  throw new BadCommand(`${member} must be ${words.map((each) => `"${each}"`).join(' or ')}`);
}

/** A member that must be so many hex digits, of either case; in lower case. */
export function hexIn(payload: Payload, member: string, digits: number): string {
  const value = payload[member];
  if (typeof value === 'string' && value.length === digits && /^[0-9a-fA-F]*$/.test(value))
    return value.toLowerCase();
  throw new BadCommand(`${member} must be ${digits} hex digits (${digits / 2} bytes)`);
}
