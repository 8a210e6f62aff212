import { byteAt, END, isIn } from '../json/bytes.ts';
import { findMember, isLookalike } from '../json/members.ts';
import { ELSEWHERE, type JsonKind, type JsonShape, type JsonValueSpan } from '../json/scanner.ts';
import type { StringSpan } from '../json/strings.ts';
import { stringText } from '../json/text.ts';
import { Refused } from '../json/tokens.ts';
import { SERVER } from '../message-types.ts';
import { memberAt, membersOf, PLACE, PLACES, type StringRule } from './frame-members.ts';

const NO_BYTES = new Uint8Array(0);
/** `\uXXXX` for one character. */
const ESCAPE_BYTES_MAX = 6;
const encoder = new TextEncoder();
const LOOKALIKE = 'a name differs from one of the protocol only by case; write it in lower case';

/**
 * The known values of a frame, recorded while it is scanned. Refuses at once what no type of message allows. Reused for
 * one frame after the other.
 */
export class FrameShape implements JsonShape {
  #bytes: Uint8Array = NO_BYTES;
  #protocol: 1 | 2 = 1;
  /** One bit per place: whether the frame has a value there, and whether it is a string that obeys its rule. */
  #noted = 0;
  #sound = 0;
  readonly #kinds = new Array<JsonKind>(PLACES).fill('null');
  readonly #starts = new Int32Array(PLACES);
  readonly #ends = new Int32Array(PLACES);
  readonly #escaped = new Uint8Array(PLACES);
  /** How many members the object has, known or not. */
  readonly #counts = new Int32Array(PLACES);
  /** Where the payload has a name like a known one: matters to some types only. */
  #payloadLookalike: number | null = null;

  begin(bytes: Uint8Array, protocol: 1 | 2): void {
    this.#bytes = bytes;
    this.#protocol = protocol;
    this.#noted = 0;
    this.#sound = 0;
    this.#counts.fill(0);
    this.#payloadLookalike = null;
  }

  /** Releases the frame, which may be large. */
  finish(): void {
    this.#bytes = NO_BYTES;
  }

  enter(place: number, name: StringSpan): number {
    this.#counts[place] = this.countAt(place) + 1;
    const ours = membersOf(place, this.#protocol);
    const member = findMember(ours, this.#bytes, name);
    if (member !== null) {
      // If the name stands twice, the value is ambiguous.
      this.#sound &= ~(1 << member.place);
      return member.place;
    }
    if (isLookalike(ours, this.#bytes, name)) {
      if (place !== PLACE.payload) throw new Refused(name.start - 1, LOOKALIKE);
      this.#payloadLookalike ??= name.start - 1;
    }
    return ELSEWHERE;
  }

  leave(place: number, value: Readonly<JsonValueSpan>): void {
    this.#noted |= 1 << place;
    this.#kinds[place] = value.kind;
    this.#starts[place] = value.start;
    this.#ends[place] = value.end;
    this.#escaped[place] = value.escaped ? 1 : 0;
    const member = memberAt(place);
    if (member === null || member.kind === 'any') return;
    if (value.kind !== member.kind) {
      throw new Refused(
        value.start,
        `${member.name} must be ${member.kind === 'string' ? 'a string' : 'an object'}`,
      );
    }
    if (member.rule === null) return;
    if (!this.#obeys(member.rule, value) && !this.#isServer(place, value))
      throw new Refused(value.start, `${member.name} ${member.rule.must}`);
    this.#sound |= 1 << place;
  }

  has(place: number): boolean {
    return (this.#noted & (1 << place)) !== 0;
  }

  /** Null if the frame has no such value. */
  kindAt(place: number): JsonKind | null {
    return this.has(place) ? (this.#kinds[place] ?? null) : null;
  }

  /** Meaningful only if `has(place)`; so is `endAt`. */
  startAt(place: number): number {
    return this.#starts[place] ?? 0;
  }

  endAt(place: number): number {
    return this.#ends[place] ?? 0;
  }

  countAt(place: number): number {
    return this.#counts[place] ?? 0;
  }

  /** A string that has a rule and obeys it; null if the frame has none. */
  textAt(place: number): string | null {
    return (this.#sound & (1 << place)) === 0 ? null : this.#text(place);
  }

  /** Reads a string that has no rule; null if `place` is the end, or has something else. */
  readString(place: number): string | null {
    return this.kindAt(place) === 'string' ? this.#text(place) : null;
  }

  /** For the types whose payload the relay checks. */
  refusePayloadLookalikes(): void {
    if (this.#payloadLookalike !== null) throw new Refused(this.#payloadLookalike, LOOKALIKE);
  }

  /** By protocol 2, the recipient of a command is the relay itself. */
  #isServer(place: number, { start, end, escaped }: Readonly<JsonValueSpan>): boolean {
    if (this.#protocol === 1 || place !== PLACE.recipient) return false;
    if (end - start - 2 > SERVER.length * ESCAPE_BYTES_MAX) return false;
    return stringText(this.#bytes, { start: start + 1, end: end - 1, escaped }) === SERVER;
  }

  #obeys(rule: StringRule, { start, end, escaped }: Readonly<JsonValueSpan>): boolean {
    if (!escaped) return obeys(rule, this.#bytes, { start: start + 1, end: end - 1 });
    if (end - start - 2 > rule.lengthMax * ESCAPE_BYTES_MAX) return false;
    const text = encoder.encode(stringText(this.#bytes, { start: start + 1, end: end - 1, escaped }));
    return obeys(rule, text, { start: 0, end: text.length });
  }

  #text(place: number): string {
    const escaped = this.#escaped[place] === 1;
    return stringText(this.#bytes, { start: this.startAt(place) + 1, end: this.endAt(place) - 1, escaped });
  }
}

function obeys(rule: StringRule, bytes: Uint8Array, { start, end }: { start: number; end: number }): boolean {
  const { lengthMin, lengthMax, first, others } = rule;
  if (end - start < lengthMin || end - start > lengthMax || !isIn(byteAt(bytes, start), first)) return false;
  for (let index = start + 1; index < end; index++) if (others[bytes[index] ?? END] !== 1) return false;
  return true;
}
