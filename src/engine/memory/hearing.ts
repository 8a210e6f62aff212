import { KNOWN_MAX, REQUESTS_MAX, shareOf, UNHEARD_MAX, UNHEARD_TTL_MS } from '../bounds.ts';
import type { DeliverOutcome, EngineLimits, Envelope, MailboxId } from '../engine.ts';
import { microseconds } from '../mailbox-id.ts';
import type { Policy } from '../verbs/people.ts';
import type { Mailbox } from './mailbox.ts';

interface Person {
  readonly blocked: boolean;
  readonly known: boolean;
}

/** What would wait of a sender who is not heard, if the user were away; and when the sender left a request. */
interface Unheard {
  sinceMs: number;
  envelopes: number;
  bytes: number;
  askedAtMs: number;
}

interface Request {
  readonly us: number;
  readonly bytes: number;
}

const UNKNOWN: Person = { blocked: false, known: false };

/** Which senders one user hears. */
export class Hearing {
  policy: Policy = 'anyone';
  readonly #people = new Map<string, Person>();
  #blocks = 0;
  readonly #unheard = new Map<string, Unheard>();
  /** Requests of strangers that wait, oldest first. */
  #requests: readonly Request[] = [];

  /** False if `max` are blocked already. */
  block(code: string, max: number): boolean {
    const person = this.#person(code);
    if (person.blocked) return true;
    if (this.#blocks >= max) return false;
    this.#people.set(code, { ...person, blocked: true });
    this.#blocks += 1;
    return true;
  }

  unblock(code: string): void {
    const person = this.#person(code);
    if (!person.blocked) return;
    this.#blocks -= 1;
    if (person.known) this.#people.set(code, { ...person, blocked: false });
    else this.#people.delete(code);
    this.#unheard.delete(code);
  }

  get blocked(): string[] {
    return [...this.#people].filter(([, { blocked }]) => blocked).map(([code]) => code);
  }

  /** False, and nothing noted, if that were too many. */
  know(codes: readonly string[], maxBlocks: number): boolean {
    const added = codes.filter((code) => !this.#people.has(code)).length;
    if (this.#people.size + added > KNOWN_MAX + maxBlocks) return false;
    for (const code of codes) {
      const person = this.#person(code);
      if (!person.known && !person.blocked) this.#unheard.delete(code);
      this.#people.set(code, { ...person, known: true });
    }
    return true;
  }

  /** Null if the user hears this sender. */
  unheardAs(sender: string): 'blocked' | 'stranger' | null {
    const { blocked, known } = this.#person(sender);
    if (blocked) return 'blocked';
    return this.policy === 'known' && !known ? 'stranger' : null;
  }

  unheard(sender: string, nowMs: number, ttlMs: number): Unheard {
    const known = this.#unheard.get(sender);
    const unheard = { ...(known ?? { sinceMs: nowMs, envelopes: 0, bytes: 0, askedAtMs: 0 }) };
    return nowMs - unheard.sinceMs > ttlMs ? { ...unheard, sinceMs: nowMs, envelopes: 0, bytes: 0 } : unheard;
  }

  keepUnheard(sender: string, unheard: Unheard): void {
    if (!this.#unheard.has(sender) && this.#unheard.size >= UNHEARD_MAX) {
      const [any] = this.#unheard.keys();
      this.#unheard.delete(any ?? '');
    }
    this.#unheard.set(sender, unheard);
  }

  /** Those that wait still: not confirmed, and not expired. */
  requests(mailbox: Mailbox, cutUs: number): readonly Request[] {
    if (this.policy === 'anyone') return [];
    const left = Number(microseconds(mailbox.left));
    return this.#requests.filter(({ us }) => us > left && us >= cutUs);
  }

  keepRequests(requests: readonly Request[]): void {
    this.#requests = requests;
  }

  #person(code: string): Person {
    return this.#people.get(code) ?? UNKNOWN;
  }
}

/**
 * One batch, decided by whom its recipient hears: writes nothing until `keep`. A sender who is not heard gets the answers
 * of a recipient who is away for ever.
 */
export class Heard {
  /** Null if the sender is heard. */
  readonly why: 'blocked' | 'stranger' | null;
  readonly #hearing: Hearing;
  readonly #sender: string;
  readonly #unheard: Unheard;
  readonly #nowMs: number;
  readonly #limits: EngineLimits;
  readonly #requests: readonly Request[];
  /** Index in the batch of the request that is left with it. */
  #asking: { readonly index: number; readonly bytes: number } | null = null;

  constructor(batch: {
    readonly hearing: Hearing;
    readonly mailbox: Mailbox;
    readonly sender: string;
    readonly limits: EngineLimits;
    readonly nowMs: number;
  }) {
    const { hearing, mailbox, sender, limits, nowMs } = batch;
    this.why = hearing.unheardAs(sender);
    this.#hearing = hearing;
    this.#sender = sender;
    this.#unheard = hearing.unheard(sender, nowMs, limits.mailboxTtlMs);
    this.#nowMs = nowMs;
    this.#limits = limits;
    this.#requests = hearing.requests(mailbox, Math.floor((nowMs - limits.mailboxTtlMs) * 1000));
  }

  /** What waiting requests take is no part of the mailbox' quota. */
  get room(): { readonly envelopes: number; readonly bytes: number } {
    const asking = this.#asking;
    const bytes = this.#requests.reduce((sum, request) => sum + request.bytes, asking?.bytes ?? 0);
    const envelopes = this.#requests.length + (asking === null ? 0 : 1);
    return {
      envelopes: this.#limits.mailboxEnvelopes + envelopes,
      bytes: this.#limits.mailboxBytes + bytes,
    };
  }

  /** Whether this is the one request that a stranger may leave. */
  ask(index: number, { frame, request }: Envelope): boolean {
    const may =
      this.why === 'stranger' &&
      request === true &&
      this.#asking === null &&
      this.#requests.length < REQUESTS_MAX &&
      this.#nowMs - this.#unheard.askedAtMs > UNHEARD_TTL_MS;
    if (may) this.#asking = { index, bytes: frame.length };
    return may;
  }

  drop(bytes: number): DeliverOutcome {
    const unheard = this.#unheard;
    const share = shareOf(this.#limits);
    const full = unheard.envelopes + 1 > share.envelopes || unheard.bytes + bytes > share.bytes;
    if (unheard.envelopes > 0 && full) {
      return share.envelopes < this.#limits.mailboxEnvelopes ? 'share_full' : 'mailbox_full';
    }
    unheard.envelopes += 1;
    unheard.bytes += bytes;
    return 'unheard';
  }

  /** @param idOf the mailbox id of an envelope of the batch that was stored */
  keep(idOf: (index: number) => MailboxId): void {
    if (this.why !== null) {
      const askedAtMs = this.#asking === null ? this.#unheard.askedAtMs : this.#nowMs;
      this.#hearing.keepUnheard(this.#sender, { ...this.#unheard, askedAtMs });
    }
    if (this.#asking === null) return;
    const { index, bytes } = this.#asking;
    this.#hearing.keepRequests([...this.#requests, { us: Number(microseconds(idOf(index))), bytes }]);
  }
}
