import { CODE, CODE_LENGTH } from './codes.ts';
import { SIGNATURE_HEX_DIGITS } from './exchange-key.ts';
import { ELSEWHERE } from './json.ts';
import { ENVELOPE_ID, ENVELOPE_ID_CHARACTERS_MAX, TYPE, TYPE_CHARACTERS_MAX } from './message-types.ts';

/** Where values of ours live in a frame. */
export const PLACE = {
  frame: 1,
  data: 2,
  signature: 3,
  ack: 4,
  sender: 5,
  recipient: 6,
  id: 7,
  message: 8,
  type: 9,
  payload: 10,
  exchangeKey: 11,
  nonce: 12,
  audience: 13,
} as const;
export const PLACES = 14;

/** What a string of ours looks like. */
export interface StringRule {
  readonly charactersMax: number;
  readonly pattern: RegExp;
  readonly must: string;
}

export interface FrameMember {
  /** Lower-case ASCII letters and `_`. */
  readonly name: string;
  readonly place: number;
  /** `any`: any JSON value, or one that depends on the type. */
  readonly kind: 'object' | 'string' | 'any';
  readonly rule: StringRule | null;
}

const CODE_RULE: StringRule = {
  charactersMax: CODE_LENGTH,
  pattern: CODE,
  must: `must be a code: ${CODE_LENGTH} characters of 0-9 and A-Z without I, L, O and U`,
};

const SIGNATURE_RULE: StringRule = {
  charactersMax: SIGNATURE_HEX_DIGITS,
  pattern: new RegExp(`^[0-9a-fA-F]{${SIGNATURE_HEX_DIGITS}}$`),
  must: `must be ${SIGNATURE_HEX_DIGITS} hex digits (64 bytes)`,
};
const ID_RULE: StringRule = {
  charactersMax: ENVELOPE_ID_CHARACTERS_MAX,
  pattern: ENVELOPE_ID,
  must: `must be 1 to ${ENVELOPE_ID_CHARACTERS_MAX} characters of A-Z, a-z, 0-9, _ and -`,
};
const TYPE_RULE: StringRule = {
  charactersMax: TYPE_CHARACTERS_MAX,
  pattern: TYPE,
  must: `must be a letter a-z and at most ${TYPE_CHARACTERS_MAX - 1} more characters of a-z, 0-9 and _`,
};

/** Every value of ours, and the object that it is a member of; the frame itself is in none. */
const ALL: readonly (FrameMember & { readonly parent: number })[] = [
  { parent: ELSEWHERE, name: 'a frame', place: PLACE.frame, kind: 'object', rule: null },
  { parent: PLACE.frame, name: 'data', place: PLACE.data, kind: 'object', rule: null },
  { parent: PLACE.frame, name: 'signature', place: PLACE.signature, kind: 'string', rule: SIGNATURE_RULE },
  { parent: PLACE.frame, name: 'ack', place: PLACE.ack, kind: 'string', rule: null },
  { parent: PLACE.data, name: 'sender', place: PLACE.sender, kind: 'string', rule: CODE_RULE },
  { parent: PLACE.data, name: 'recipient', place: PLACE.recipient, kind: 'string', rule: CODE_RULE },
  { parent: PLACE.data, name: 'id', place: PLACE.id, kind: 'string', rule: ID_RULE },
  { parent: PLACE.data, name: 'message', place: PLACE.message, kind: 'object', rule: null },
  { parent: PLACE.message, name: 'type', place: PLACE.type, kind: 'string', rule: TYPE_RULE },
  { parent: PLACE.message, name: 'payload', place: PLACE.payload, kind: 'any', rule: null },
  { parent: PLACE.payload, name: 'ecdh_public_key', place: PLACE.exchangeKey, kind: 'any', rule: null },
  { parent: PLACE.payload, name: 'nonce', place: PLACE.nonce, kind: 'any', rule: null },
  { parent: PLACE.payload, name: 'audience', place: PLACE.audience, kind: 'any', rule: null },
];

const BY_PLACE = new Map(ALL.map((member) => [member.place, member]));
const MEMBER_AT = Array.from({ length: PLACES }, (_, place) => BY_PLACE.get(place) ?? null);
const MEMBERS_OF = Array.from({ length: PLACES }, (_, place) => ALL.filter(({ parent }) => parent === place));
const FRAME_MEMBERS_1 = ALL.filter(({ parent, place }) => parent === PLACE.frame && place !== PLACE.ack);

export function memberAt(place: number): FrameMember | null {
  return MEMBER_AT[place] ?? null;
}

/** Ours in the object at `place`. By protocol 1 an `ack` is a stranger like any other. */
export function membersOf(place: number, protocol: 1 | 2): readonly FrameMember[] {
  if (protocol === 1 && place === PLACE.frame) return FRAME_MEMBERS_1;
  return MEMBERS_OF[place] ?? FRAME_MEMBERS_1;
}
