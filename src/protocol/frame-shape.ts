import { memberAt, membersOf, PLACE, PLACES } from './frame-members.ts';
import { ELSEWHERE, type JsonKind, type JsonShape, type JsonValueSpan } from './json.ts';
import { stringText } from './json-text.ts';
import { Refused, type StringSpan } from './json-tokens.ts';
import { findMember, isLookalike } from './members.ts';

const NO_BYTES = new Uint8Array(0);
/** `\uXXXX` for one character. */
const ESCAPE_BYTES_MAX = 6;
const LOOKALIKE = 'a name differs from one of the protocol only by case; write it in lower case';

/**
 * What stands where in one frame, noted while it is scanned. Refuses at once what no type of message allows.
 * Used for one frame after the other.
 */
export class FrameShape implements JsonShape {
  #bytes: Uint8Array = NO_BYTES;
  #protocol: 1 | 2 = 1;
  /** All by place. Null if the frame has no such value. */
  readonly #kinds = new Array<JsonKind | null>(PLACES).fill(null);
  /** The strings that have a rule, once they obey it. */
  readonly #texts = new Array<string | null>(PLACES).fill(null);
  readonly #starts = new Int32Array(PLACES);
  readonly #ends = new Int32Array(PLACES);
  /** How many members the object has, ours and others. */
  readonly #counts = new Int32Array(PLACES);
  /** Where the payload has a name that is nearly one of ours: matters to some types only. */
  #payloadLookalike: number | null = null;

  begin(bytes: Uint8Array, protocol: 1 | 2): void {
    this.#bytes = bytes;
    this.#protocol = protocol;
    this.#kinds.fill(null);
    this.#texts.fill(null);
    this.#counts.fill(0);
    this.#payloadLookalike = null;
  }

  /** A frame may be large: holds on to none. */
  finish(): void {
    this.#bytes = NO_BYTES;
  }

  enter(place: number, name: Readonly<StringSpan>): number {
    this.#counts[place] = this.countAt(place) + 1;
    const ours = membersOf(place, this.#protocol);
    const member = findMember(ours, this.#bytes, name);
    if (member !== null) {
      // If the name stands twice, there is no telling which value is meant.
      this.#texts[member.place] = null;
      return member.place;
    }
    if (isLookalike(ours, this.#bytes, name)) {
      if (place !== PLACE.payload) throw new Refused(name.start - 1, LOOKALIKE);
      this.#payloadLookalike ??= name.start - 1;
    }
    return ELSEWHERE;
  }

  leave(place: number, value: Readonly<JsonValueSpan>): void {
    this.#kinds[place] = value.kind;
    this.#starts[place] = value.start;
    this.#ends[place] = value.end;
    const member = memberAt(place);
    if (member === null || member.kind === 'any') return;
    if (value.kind !== member.kind) {
      throw new Refused(
        value.start,
        `${member.name} must be ${member.kind === 'string' ? 'a string' : 'an object'}`,
      );
    }
    if (member.rule === null) return;
    const { charactersMax, pattern, must } = member.rule;
    if (value.end - value.start - 2 <= charactersMax * ESCAPE_BYTES_MAX) {
      const text = stringText(this.#bytes, value.start + 1, value.end - 1);
      if (pattern.test(text)) {
        this.#texts[place] = text;
        return;
      }
    }
    throw new Refused(value.start, `${member.name} ${must}`);
  }

  has(place: number): boolean {
    return this.kindAt(place) !== null;
  }

  kindAt(place: number): JsonKind | null {
    return this.#kinds[place] ?? null;
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

  /** A string that has a rule, or null if the frame has none. */
  textAt(place: number): string | null {
    return this.#texts[place] ?? null;
  }

  /** Reads a string that has no rule; null if there is none at `place`, or something else. */
  readString(place: number): string | null {
    if (this.kindAt(place) !== 'string') return null;
    return stringText(this.#bytes, this.startAt(place) + 1, this.endAt(place) - 1);
  }

  /** For the types whose payload is ours to check. */
  refusePayloadLookalikes(): void {
    if (this.#payloadLookalike !== null) throw new Refused(this.#payloadLookalike, LOOKALIKE);
  }
}
