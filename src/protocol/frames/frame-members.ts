import { CODE_ALPHABET, CODE_LENGTH } from '../codes.ts';
import { SIGNATURE_HEX_DIGITS } from '../exchange-key.ts';
import { type Alphabet, alphabet, DIGITS, HEX_DIGIT, LOWER_CASE } from '../json/bytes.ts';
import { ELSEWHERE } from '../json/scanner.ts';

/** The places of known values in a frame. */
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
  skip: 14,
} as const;
export const PLACES = 15;

/** The form of a known string. A table lookup per character: a regular expression takes four times as long. */
export interface StringRule {
  readonly lengthMin: number;
  readonly lengthMax: number;
  readonly first: Alphabet;
  readonly others: Alphabet;
  /** In words. */
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

const CODE_CHARACTER = alphabet(CODE_ALPHABET);
const CODE_RULE: StringRule = {
  lengthMin: CODE_LENGTH,
  lengthMax: CODE_LENGTH,
  first: CODE_CHARACTER,
  others: CODE_CHARACTER,
  must: `must be a code: ${CODE_LENGTH} characters of 0-9 and A-Z without I, L, O and U`,
};
const SIGNATURE_RULE: StringRule = {
  lengthMin: SIGNATURE_HEX_DIGITS,
  lengthMax: SIGNATURE_HEX_DIGITS,
  first: HEX_DIGIT,
  others: HEX_DIGIT,
  must: `must be ${SIGNATURE_HEX_DIGITS} hex digits (64 bytes)`,
};
const ID_LENGTH_MAX = 64;
const ID_CHARACTER = alphabet(`${DIGITS}${LOWER_CASE}${LOWER_CASE.toUpperCase()}_-`);
const ID_RULE: StringRule = {
  lengthMin: 1,
  lengthMax: ID_LENGTH_MAX,
  first: ID_CHARACTER,
  others: ID_CHARACTER,
  must: `must be 1 to ${ID_LENGTH_MAX} characters of A-Z, a-z, 0-9, _ and -`,
};
const TYPE_LENGTH_MAX = 32;
const TYPE_RULE: StringRule = {
  lengthMin: 1,
  lengthMax: TYPE_LENGTH_MAX,
  first: alphabet(LOWER_CASE),
  others: alphabet(`${LOWER_CASE}${DIGITS}_`),
  must: `must be a letter a-z and at most ${TYPE_LENGTH_MAX - 1} more characters of a-z, 0-9 and _`,
};

/** Every known value with the object that contains it; the frame itself is in none. */
const ALL: readonly (FrameMember & { readonly parent: number })[] = [
  { parent: ELSEWHERE, name: 'a frame', place: PLACE.frame, kind: 'object', rule: null },
  { parent: PLACE.frame, name: 'data', place: PLACE.data, kind: 'object', rule: null },
  { parent: PLACE.frame, name: 'signature', place: PLACE.signature, kind: 'string', rule: SIGNATURE_RULE },
  { parent: PLACE.frame, name: 'ack', place: PLACE.ack, kind: 'string', rule: null },
  { parent: PLACE.frame, name: 'skip', place: PLACE.skip, kind: 'string', rule: null },
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
const FRAME_MEMBERS_1 = ALL.filter(
  ({ parent, place }) => parent === PLACE.frame && place !== PLACE.ack && place !== PLACE.skip,
);

export function memberAt(place: number): FrameMember | null {
  return MEMBER_AT[place] ?? null;
}

/** The known members of the object at `place`. By protocol 1, `ack` and `skip` are unknown members. */
export function membersOf(place: number, protocol: 1 | 2): readonly FrameMember[] {
  if (protocol === 1 && place === PLACE.frame) return FRAME_MEMBERS_1;
  return MEMBERS_OF[place] ?? FRAME_MEMBERS_1;
}
