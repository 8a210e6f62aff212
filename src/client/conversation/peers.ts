import type { Identity } from '../account/identity.ts';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { Conversation, type Message } from './conversation.ts';
import { Peer, type PeerOptions } from './peer.ts';

export interface PeersOptions extends Omit<PeerOptions, 'code' | 'own' | 'onWaiting' | 'onMet'> {
  readonly identity: Identity;
  /** The user's own code; null until the relay has assigned one. */
  readonly ownCode: () => string | null;
  /** Whether the program listens for new conversations. */
  readonly isHeard: () => boolean;
  readonly onConversation: (conversation: Conversation) => void;
  /** Whether no message comes any more. */
  readonly isEnded: () => boolean;
}

export interface PeerWithConversation {
  readonly peer: Peer;
  readonly conversation: Conversation;
}

export interface MessageOfAny {
  readonly conversation: Conversation;
  readonly message: Message;
}

/** Everybody with whom one user is in touch, and of which conversations the program has heard. */
export class Peers {
  readonly #options: Pick<PeersOptions, 'identity' | 'ownCode' | 'isHeard' | 'onConversation' | 'isEnded'>;
  readonly #ofEach: Omit<PeerOptions, 'code' | 'own' | 'onWaiting' | 'onMet'>;
  readonly #all = new Map<string, PeerWithConversation>();
  /** Codes of the peers that the program knows about. */
  readonly #announced = new Set<string>();
  /** Those that it has heard of, or has begun, since the start. */
  readonly #told = new Set<string>();
  /** Of each loop over all messages: a message waits somewhere, or the client has ended. */
  readonly #wakes = new Set<() => void>();

  constructor(options: PeersOptions) {
    const { identity, ownCode, isHeard, onConversation, isEnded, ...ofEach } = options;
    this.#options = { identity, ownCode, isHeard, onConversation, isEnded };
    this.#ofEach = ofEach;
    const { records } = options;
    for (const [key] of records.list('pin:')) this.#announced.add(key.slice('pin:'.length));
    for (const code of this.#announced) this.of(code);
    for (const [key] of records.list('held:')) this.of(key.slice('held:'.length, 'held:'.length + 7));
  }

  /** By code. */
  get all(): ReadonlyMap<string, PeerWithConversation> {
    return this.#all;
  }

  /** Conversations with peers whose keys are known. */
  get conversations(): readonly Conversation[] {
    return [...this.#all].flatMap(([code, { conversation }]) =>
      this.#announced.has(code) ? conversation : [],
    );
  }

  /** The peer with this code, made at the first call. */
  of(code: string): PeerWithConversation {
    const known = this.#all.get(code);
    if (known !== undefined) return known;
    const { identity, ownCode } = this.#options;
    const { maxFrameBytes, now } = this.#ofEach;
    const own = { code: ownCode() ?? '', identity };
    const peer = new Peer({
      ...this.#ofEach,
      code,
      own,
      onWaiting: () => this.#waits(code),
      onMet: () => this.#met(code),
    });
    const { eddsaPublicKey } = identity;
    const conversation = new Conversation({
      peer,
      own: { code: own.code, eddsaPublicKey },
      maxFrameBytes,
      now,
    });
    const made = { peer, conversation };
    this.#all.set(code, made);
    return made;
  }

  /** The program itself begins the conversation, and need not be told of it. */
  begin(code: string): PeerWithConversation {
    const begun = this.of(code);
    this.#announced.add(code);
    this.#told.add(code);
    return begun;
  }

  /** Resolves once the envelope's effects are stored. Envelopes to ourselves are keep-alive probes: drop them. */
  async receive(envelope: IncomingEnvelope): Promise<void> {
    const { claims } = envelope;
    if (claims === null || claims === this.#options.ownCode()) return;
    const { peer } = this.of(claims);
    await peer.verifier.take(envelope);
    if (peer.isUnknown) this.#all.delete(claims);
  }

  /** The program has begun to listen: tells it of conversations with messages that nothing has taken up by now. */
  tellOfUnclaimed(): void {
    for (const code of this.#announced) this.#tellIfUnclaimed(code);
  }

  /** The messages of all conversations, also of those to come. Asking for the next confirms the last as handled. */
  async *messages(signal: AbortSignal | undefined): AsyncGenerator<MessageOfAny, void, undefined> {
    let wake = () => {};
    const wakeUp = () => wake();
    this.#wakes.add(wakeUp);
    signal?.addEventListener('abort', wakeUp);
    try {
      while (!this.#options.isEnded() && !signal?.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const waiting = [...this.#all.values()].filter(({ peer }) => !peer.inbox.isEmpty);
        for (const { peer, conversation } of waiting) {
          peer.inbox.claim();
          for await (const message of conversation.messages({ ...(signal && { signal }) })) {
            yield { conversation, message };
            break;
          }
        }
        if (waiting.length === 0) await woken;
      }
    } finally {
      this.#wakes.delete(wakeUp);
      signal?.removeEventListener('abort', wakeUp);
    }
  }

  /** Asks again for what has not come. */
  remind(): void {
    for (const { peer } of this.#all.values()) peer.remind();
  }

  close(): void {
    for (const { peer } of this.#all.values()) peer.close();
    for (const wake of this.#wakes) wake();
  }

  #met(code: string): void {
    if (!this.#all.has(code) || this.#announced.has(code)) return;
    this.#announced.add(code);
    this.#tell(code);
  }

  #waits(code: string): void {
    for (const wake of this.#wakes) wake();
    if (this.#wakes.size === 0) this.#tellIfUnclaimed(code);
  }

  /** Once for each conversation, as soon as the program listens. */
  #tell(code: string): void {
    const conversation = this.#all.get(code)?.conversation;
    if (conversation === undefined || this.#told.has(code) || !this.#options.isHeard()) return;
    this.#told.add(code);
    this.#options.onConversation(conversation);
  }

  #tellIfUnclaimed(code: string): void {
    const inbox = this.#all.get(code)?.peer.inbox;
    if (inbox !== undefined && !inbox.isEmpty && !inbox.claimed && this.#announced.has(code))
      this.#tell(code);
  }
}
