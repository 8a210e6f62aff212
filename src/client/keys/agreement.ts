import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { x25519 } from '../../crypto/x25519.ts';
import { signedText } from '../../protocol/frames.ts';
import type { Identity } from '../account/identity.ts';
import { digestOfData, signedFrame } from '../account/signing.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import { type Content, decodeContent, encodeContent } from '../sending/content.ts';
import type { Outbox } from '../sending/outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import {
  type ExchangeState,
  type KeyPair,
  mayAskOnSigns,
  NO_EXCHANGE,
  onAcknowledgement,
  onRequest,
  type Peers,
  request,
  requestFailed,
  wantsRequest,
} from './exchange.ts';
import { openMessage, type SealedMessage, sealMessage } from './message-cipher.ts';
import { halt, onOpened, onSealed, sendingSession } from './sessions.ts';

/** What opening a message came to. */
export type Opened =
  | { readonly outcome: 'opened'; readonly content: Content | null; readonly missing: number }
  /** Taken before, or too late: nothing new. */
  | { readonly outcome: 'repeated' }
  /** Under keys that we do not have: new ones have been asked for. */
  | { readonly outcome: 'keyless' }
  /** Not what the payload of a message looks like. */
  | { readonly outcome: 'malformed' };

export interface AgreementOptions {
  readonly own: { readonly code: string; readonly identity: Identity };
  readonly peer: string;
  /** The peer's pinned key: asked for each time, because it may be replaced. */
  readonly peerKey: () => string;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly now: () => number;
  /** The plain flow: the registered pair instead of a fresh one. */
  readonly registeredKeys: boolean;
}

/** Keys shared with one peer: exchanges them when needed, encrypts and decrypts under them. */
export class Agreement {
  readonly #options: AgreementOptions;
  #state: ExchangeState;

  constructor(options: AgreementOptions) {
    this.#options = options;
    const { records, peer } = options;
    const stored = records.get<Omit<ExchangeState, 'seen'>>(`exchange:${peer}`) ?? NO_EXCHANGE;
    this.#state = { ...stored, seen: records.get<string[]>(`requests:${peer}`) ?? [] };
  }

  /** Whether there are keys to send under. */
  get agreed(): boolean {
    return sendingSession(this.#state) !== undefined;
  }

  /** Something is to be sent: asks for keys if there are none, or if they are worn. True if it asked. */
  prepare(batch: Batch): boolean {
    const wanted = wantsRequest(this.#state, this.#options.now());
    if (wanted) this.#ask(batch);
    return wanted;
  }

  /** The signed frame of an envelope with this content; null without keys. */
  seal(id: string, content: Content, batch: Batch): string | null {
    const session = sendingSession(this.#state);
    if (session === undefined) return null;
    const { own, peer } = this.#options;
    const payload = sealMessage(encodeContent(content), { session, sender: own.code, recipient: peer });
    this.#save(onSealed(this.#state, session.id), batch);
    return this.#sign(id, { type: 'message', payload }).frame;
  }

  /** The peer asks. True if the answer is on its way. */
  requested(digest: string, payload: unknown, batch: Batch): boolean {
    const publicKey = memberOf(payload, 'ecdh_public_key').toLowerCase();
    const keys = this.#keyPair();
    const step = onRequest(this.#state, {
      id: digest,
      publicKey,
      keys,
      peers: this.#peers(),
      nowMs: this.#options.now(),
    });
    this.#save(step.state, batch);
    if (step.outcome === 'crossed' && mayAskOnSigns(this.#state, this.#options.now())) this.#ask(batch);
    if (step.outcome !== 'answer') return false;
    const answer = { ecdh_public_key: keys.publicKey, in_reply_to: digest };
    this.#post({ type: 'key_exchange_ack', payload: answer }, batch);
    return true;
  }

  /** The peer answers. True if there are new keys. */
  acknowledged(payload: unknown, batch: Batch): boolean {
    const inReplyTo = memberOf(payload, 'in_reply_to').toLowerCase();
    const publicKey = memberOf(payload, 'ecdh_public_key').toLowerCase();
    const step = onAcknowledgement(this.#state, {
      inReplyTo,
      publicKey,
      peers: this.#peers(),
      nowMs: this.#options.now(),
    });
    this.#save(step.state, batch);
    return step.outcome === 'agreed';
  }

  open(payload: unknown, batch: Batch): Opened {
    const message = readSealed(payload);
    if (message === null) return { outcome: 'malformed' };
    const session = this.#state.sessions.find(({ id }) => id === message.exchange);
    if (session !== undefined && message.counter < session.received) return { outcome: 'repeated' };
    const { own, peer } = this.#options;
    const context = { sender: peer, recipient: own.code };
    const plaintext = session === undefined ? null : openMessage(message, { session, ...context });
    if (session === undefined || plaintext === null) {
      // Also with a session of that name: who has lost everything may have answered one request twice.
      this.#save(halt(this.#state), batch);
      if (mayAskOnSigns(this.#state, this.#options.now())) this.#ask(batch);
      return { outcome: 'keyless' };
    }
    this.#save(onOpened(this.#state, session.id, message.counter), batch);
    return {
      outcome: 'opened',
      content: decodeContent(plaintext),
      missing: message.counter - session.received,
    };
  }

  /** The relay will not store our request. */
  requestFailed(digest: string, batch: Batch): void {
    this.#save(requestFailed(this.#state, digest), batch);
  }

  /** The peer has another identity key now: nothing that was agreed with the old one counts. */
  forget(batch: Batch): void {
    this.#save({ ...NO_EXCHANGE, seen: this.#state.seen }, batch);
  }

  #ask(batch: Batch): void {
    const keys = this.#keyPair();
    const { data, ...signed } = this.#sign(newEnvelopeId(), {
      type: 'key_exchange',
      payload: { ecdh_public_key: keys.publicKey },
    });
    const id = digestOfData(utf8ToBytes(data));
    this.#save(request(this.#state, { id, keys, nowMs: this.#options.now() }), batch);
    this.#enqueue({ ...signed, exchange: id }, batch);
  }

  #post(message: { type: string; payload: unknown }, batch: Batch): void {
    const { id, frame } = this.#sign(newEnvelopeId(), message);
    this.#enqueue({ id, frame, exchange: null }, batch);
  }

  #enqueue(ready: { id: string; frame: string; exchange: string | null }, batch: Batch): void {
    this.#options.outbox.add({ ...ready, recipient: this.#options.peer, urgent: true, content: null }, batch);
  }

  #sign(
    id: string,
    message: { type: string; payload: unknown },
  ): { id: string; data: string; frame: string } {
    const { own, peer } = this.#options;
    const data = signedText({ sender: own.code, recipient: peer, id, message });
    return { id, data, frame: signedFrame(data, own.identity) };
  }

  #keyPair(): KeyPair {
    const { identity } = this.#options.own;
    const lasting = this.#options.registeredKeys;
    const secretKey = lasting ? identity.exchangeKey : x25519.utils.randomSecretKey();
    const publicKey = lasting ? identity.ecdhPublicKey : bytesToHex(x25519.getPublicKey(secretKey));
    return { secretKey: bytesToHex(secretKey), publicKey, lasting };
  }

  #peers(): Peers {
    const { own, peer, peerKey } = this.#options;
    return {
      own: { code: own.code, eddsaPublicKey: own.identity.eddsaPublicKey },
      peer: { code: peer, eddsaPublicKey: peerKey() },
    };
  }

  #save(state: ExchangeState, batch: Batch): void {
    const { seen, ...rest } = state;
    if (seen !== this.#state.seen) batch.set(`requests:${this.#options.peer}`, seen);
    batch.set(`exchange:${this.#options.peer}`, rest);
    this.#state = state;
  }
}

function memberOf(payload: unknown, name: string): string {
  const value = (payload as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}

function readSealed(payload: unknown): SealedMessage | null {
  const { counter } = (payload ?? {}) as { counter?: unknown };
  const exchange = memberOf(payload, 'exchange');
  const ciphertext = memberOf(payload, 'ciphertext');
  if (!/^[0-9a-f]{64}$/.test(exchange) || ciphertext === '') return null;
  if (typeof counter !== 'number' || !Number.isSafeInteger(counter) || counter < 0) return null;
  return { exchange, counter, ciphertext };
}
