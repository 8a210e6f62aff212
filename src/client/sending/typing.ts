import type { Content } from './content.ts';

/** While a user types, the other hears of it again after so long. */
const EVERY_MS = 6_000;
/** The other may have gone away: without a sign for so long nothing is sent, because the relay would have to keep it. */
const SIGN_MS = 60_000;
/** Older ones say nothing: the other may have stopped long ago. */
const FRESH_MS = 12_000;

type TypingContent = Extract<Content, { readonly type: 'typing' }>;

export interface TypingOptions {
  /** Whether this side wants it. */
  readonly wanted: () => boolean;
  /** By the relay's clock, in milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** That one types, which each side learns of the other only if both want it. */
export class Typing {
  readonly #options: TypingOptions;
  /** Goes with what this user sends. */
  readonly wanted: () => boolean;
  #theyWant = false;
  #signMs = Number.NEGATIVE_INFINITY;
  #sentMs = Number.NEGATIVE_INFINITY;
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(options: TypingOptions) {
    this.#options = options;
    this.wanted = options.wanted;
  }

  /** Something of theirs has come. */
  sign(content: Content): void {
    this.#signMs = this.#options.nowMs();
    if (content.type === 'message' || content.type === 'delivered' || content.type === 'read')
      this.#theyWant = content.typing === true;
  }

  /** This user types: what to send; null for nothing. */
  next(): TypingContent | null {
    const now = this.#options.nowMs();
    if (!this.wanted() || !this.#theyWant || now - this.#signMs > SIGN_MS || now - this.#sentMs < EVERY_MS)
      return null;
    this.#sentMs = now;
    return { type: 'typing', at: new Date(now).toISOString() };
  }

  /** A message says more than that one types: the next word tells again at once. */
  said(): void {
    this.#sentMs = Number.NEGATIVE_INFINITY;
  }

  isStale({ at }: TypingContent): boolean {
    return this.#options.nowMs() - Date.parse(at) > EVERY_MS;
  }

  /** Whether they type now, as far as this user wants to know. */
  heard({ at }: TypingContent): boolean {
    const atMs = Date.parse(at);
    const isNew = atMs > this.#heardMs && Math.abs(this.#options.nowMs() - atMs) <= FRESH_MS;
    if (isNew) this.#heardMs = atMs;
    return isNew && this.wanted();
  }
}
