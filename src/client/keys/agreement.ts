import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import { AgreementCrypto, type AgreementCryptoOptions, type NextSession } from './agreement-crypto.ts';
import {
  agreed,
  answered,
  type ExchangeState,
  mayAskOnSigns,
  NO_EXCHANGE,
  needsKeys,
  nextTerms,
  onAnswer,
  onOpened,
  onRequest,
  onSealed,
  onUnknownKeys,
  orderOf,
  proofDueMs,
  request,
  requestFailed,
  wantsRequest,
} from './exchange/exchange.ts';
import { type RequestPayload, readAnswer, readRequest } from './exchange/exchange-payloads.ts';
import type { Now } from './exchange/freshness.ts';
import { loadExchange, saveExchange } from './exchange/stored-exchange.ts';
import { COUNTER_MAX, openMessage, readMessage, sealMessage } from './messages/message-cipher.ts';
import { isKnown, newestGeneration, sendingSession } from './messages/sessions.ts';

export interface AgreementOptions extends AgreementCryptoOptions {
  readonly records: Records;
  readonly peerOutbox: PeerOutbox;
  /** This device's clock, and the relay's with its names. */
  readonly now: () => number;
  readonly relayNow: () => Now;
  /** The URL that we dial. */
  readonly audience: string;
}

/** A message to be put into a request. */
export interface First {
  readonly number: number;
  readonly plaintext: Uint8Array;
}

/** Messages that have to go out again: some by number, or all that have not arrived. */
export interface Lost {
  readonly numbers: readonly number[];
  readonly all: boolean;
}

/** What an envelope of a key exchange came to. */
export type Exchanged =
  | { readonly outcome: 'answered'; readonly first: Uint8Array | null }
  | { readonly outcome: 'agreed'; readonly lost: Lost }
  | { readonly outcome: 'downgraded' | 'ignored' };

/** What opening a message came to. */
export type Opened =
  | {
      readonly outcome: 'opened';
      readonly plaintext: Uint8Array;
      readonly version: 1 | 2;
      /** Counters that this message has skipped; it was itself skipped by a later one. */
      readonly missing: number;
      readonly late: boolean;
      readonly lost: Lost;
    }
  /** Taken before, or given up: nothing new. */
  | { readonly outcome: 'repeated' }
  /** Not under keys that we have. New ones have been asked for, if none are on their way. */
  | { readonly outcome: 'unreadable' }
  /** Not what the payload of a message looks like. */
  | { readonly outcome: 'malformed' };

/** Keys shared with one peer: exchanges them when needed, encrypts and decrypts under them. */
export class Agreement {
  readonly #options: AgreementOptions;
  readonly #crypto: AgreementCrypto;
  #state: ExchangeState;
  /** The newest request that was weaker than what the peer has shown itself able to. */
  #refused: { readonly digest: string; readonly payload: unknown } | null = null;

  constructor(options: AgreementOptions) {
    this.#options = options;
    this.#crypto = new AgreementCrypto(options);
    this.#state = loadExchange(options.peer, options.records);
  }

  /** Whether there are keys to send under. */
  get agreed(): boolean {
    return sendingSession(this.#state) !== undefined;
  }

  /** How long to wait, before asking ourselves, for a message that proves keys that we have just answered with. */
  get proofDueMs(): number {
    return proofDueMs(this.#state, this.#options.now());
  }

  /** Whether keys are missing or have expired. */
  get needsKeys(): boolean {
    return needsKeys(this.#state, this.#options.now());
  }

  /** The newest message of the peer that has opened. */
  get newest(): { readonly exchange: string; readonly counter: number } | null {
    return this.#state.newest;
  }

  /** The number of the message in our newest request that is not answered yet. */
  get pendingFirst(): number | null {
    return this.#state.pending.at(-1)?.first ?? null;
  }

  /** Something is to be sent: asks for keys if there are none, or if they have expired. */
  prepare(batch: Batch): void {
    if (wantsRequest(this.#state, this.#options.now())) this.#options.peerOutbox.addRequest(batch);
  }

  /** The peer shows that it is there, and we still wait for keys. */
  prepareOnSigns(batch: Batch): void {
    const nowMs = this.#options.now();
    if (!this.agreed && mayAskOnSigns(this.#state, nowMs)) this.#options.peerOutbox.addRequest(batch);
  }

  /** Makes and signs a request; null while the library for it is not loaded. */
  sealRequest(
    id: string,
    first: First | null,
    batch: Batch,
  ): { readonly frame: string; readonly exchange: string; readonly lost: readonly number[] } | null {
    const { registeredKeys, now, relayNow, audience } = this.#options;
    const terms = nextTerms(this.#state, relayNow().nowMs);
    const plaintext = first !== null && this.takesFirst ? first.plaintext : null;
    const made = this.#crypto.request(id, { ...terms, audience }, plaintext);
    if (made === null) return null;
    const step = request(this.#state, {
      ...made.keys,
      id: made.digest,
      kemSeed: made.kemSeed,
      generation: registeredKeys ? null : terms.generation,
      first: made.hasFirst ? (first?.number ?? null) : null,
      atMs: now(),
      signedAtMs: registeredKeys ? null : terms.atMs,
    });
    this.#save(step.state, batch);
    return { frame: made.frame, exchange: made.digest, lost: step.lost };
  }

  /** Whether a request made now would carry a message. */
  get takesFirst(): boolean {
    return !this.agreed && !this.#options.registeredKeys && this.#options.trust.registeredKey !== null;
  }

  /** The signed frame of an envelope with this plaintext, and its place among all; null without keys. */
  seal(
    id: string,
    plaintext: Uint8Array,
    batch: Batch,
  ): { readonly frame: string; readonly order: number } | null {
    const session = sendingSession(this.#state);
    if (session === undefined || session.send.next > COUNTER_MAX) return null;
    const { own, peer } = this.#options;
    const sealed = sealMessage(plaintext, { session, sender: own.code, recipient: peer });
    const step = onSealed(this.#state, sealed.session);
    this.#save(step.state, batch);
    return {
      frame: this.#crypto.sign(id, { type: 'message', payload: sealed.payload }).frame,
      order: step.order,
    };
  }

  /** The place of a message that we sealed; null if it is no longer known. */
  orderOf(exchange: string, counter: number): number | null {
    return orderOf(this.#state, exchange, counter);
  }

  /** The peer asks: answers at once. Load the library first. */
  requested(digest: string, payload: unknown, batch: Batch): Exchanged {
    const { identity } = this.#options.own;
    const read = readRequest(payload);
    if (read === null) return { outcome: 'ignored' };
    // The plain flow answers with the registered key, as version 1 does.
    const asked = this.#options.registeredKeys ? { ...read, terms: null } : read;
    const { level } = this.#options.trust;
    const now = this.#options.relayNow();
    const ownKeys = this.#options.registeredKeys ? [identity.ecdhPublicKey] : [];
    const step = onRequest(this.#state, { ...asked, id: digest, level, now, ownKeys });
    if (step.outcome === 'downgraded') {
      this.#refused = { digest, payload };
      return { outcome: 'downgraded' };
    }
    this.#save(step.state, batch);
    if (step.outcome === 'stale') this.prepareOnSigns(batch);
    if (step.outcome !== 'answer') return { outcome: 'ignored' };
    return this.#answer(digest, asked, step.generation, batch);
  }

  /** A person has decided that the peer may fall back: answers what was refused, or else asks. */
  fallBack(batch: Batch): void {
    const refused = this.#refused;
    this.#refused = null;
    this.#save(onUnknownKeys(this.#state), batch);
    if (refused === null) this.#options.peerOutbox.addRequest(batch);
    else this.requested(refused.digest, refused.payload, batch);
  }

  /** The peer answers. `digest` is that of the answer. */
  acknowledged(digest: string, payload: unknown, batch: Batch): Exchanged {
    const answer = readAnswer(payload);
    if (answer === null) return { outcome: 'ignored' };
    const step = onAnswer(this.#state, answer, this.#options.trust.level);
    if (step.outcome !== 'agreed') return { outcome: step.outcome };
    const { pending } = step;
    const session = this.#crypto.sessionOf(pending, { digest, ...answer }, this.#nextSession);
    if (session === null) return { outcome: 'ignored' };
    const firstOpened = answer.terms?.first === 'opened';
    const { state, lost } = agreed(this.#state, { pending, session, firstOpened });
    this.#save({ ...state, inVain: false }, batch);
    if (session.version === 2) this.#options.trust.raise(session, batch);
    return { outcome: 'agreed', lost: { numbers: lost, all: this.#state.inVain || state.inVain } };
  }

  open(payload: unknown, batch: Batch): Opened {
    const message = readMessage(payload);
    if (message === null) return { outcome: 'malformed' };
    const { own, peer } = this.#options;
    const session = this.#state.sessions.find(({ id }) => id === message.exchange);
    if (session === undefined) {
      // Of keys that were given up it is merely late; of others, one of the two has lost its state.
      if (!isKnown(this.#state, message.exchange)) this.#askAnew(batch);
      return { outcome: 'unreadable' };
    }
    const opened = openMessage(message, { session, sender: peer, recipient: own.code });
    if (opened.outcome === 'used') return { outcome: 'repeated' };
    if (opened.outcome === 'foreign') {
      this.#askAnew(batch);
      return { outcome: 'unreadable' };
    }
    const { plaintext, missing } = opened;
    const late = message.counter < session.receive.next;
    const { state, lost } = onOpened(this.#state, opened.session);
    const { exchange, counter } = message;
    const all = state.inVain && sendingSession(state) !== undefined;
    this.#save(
      { ...state, newest: late ? state.newest : { exchange, counter }, inVain: state.inVain && !all },
      batch,
    );
    if (session.version === 2 && !session.proven) this.#options.trust.raise(session, batch);
    return {
      outcome: 'opened',
      plaintext,
      version: session.version,
      missing,
      late,
      lost: { numbers: lost, all },
    };
  }

  /** The relay will not store our request. Gives the messages that were inside. */
  requestFailed(digest: string, batch: Batch): readonly number[] {
    const { state, lost } = requestFailed(this.#state, digest);
    this.#save(state, batch);
    return lost;
  }

  /** The peer has another identity key now: nothing that was agreed with the old one counts. */
  forget(batch: Batch): void {
    this.#save({ ...NO_EXCHANGE, seen: this.#state.seen, sealed: this.#state.sealed }, batch);
  }

  #answer(digest: string, asked: RequestPayload, generation: number | null, batch: Batch): Exchanged {
    const answer = this.#crypto.answer({ digest, asked, generation }, this.#nextSession, batch);
    if (answer === null) return { outcome: 'ignored' };
    const { id, frame, session, first } = answer;
    this.#save(answered(this.#state, session), batch);
    this.#options.peerOutbox.addSealed({ id, frame }, batch);
    return { outcome: 'answered', first };
  }

  /** Of a session that is agreed now. */
  get #nextSession(): NextSession {
    return { atMs: this.#options.now(), localGeneration: newestGeneration(this.#state) + 1 };
  }

  #askAnew(batch: Batch): void {
    this.#save(onUnknownKeys(this.#state), batch);
    this.prepareOnSigns(batch);
  }

  #save(state: ExchangeState, batch: Batch): void {
    saveExchange(this.#options.peer, { before: this.#state, after: state }, batch);
    this.#state = state;
  }
}
