import { readCode } from '../protocol/codes.ts';
import { ack, skip } from '../protocol/frames/relay-frames.ts';
import { Account } from './account/account.ts';
import type { User } from './account/directory.ts';
import { type Endpoints, endpointsOf } from './account/endpoints.ts';
import type { Identity } from './account/identity.ts';
import { RegisteredKeys } from './account/registered-keys.ts';
import { registrationProof } from './account/signing.ts';
import { Commands, readBlocks } from './commands/commands.ts';
import { outcomeOf } from './commands/relay-reply.ts';
import { Connection, type ConnectionState } from './connection/connection.ts';
import type { IncomingEnvelope } from './connection/incoming.ts';
import { DEFAULT_LIMITS, type RelayLimits, type Welcome } from './connection/login.ts';
import { watchNetwork } from './connection/network.ts';
import { relayNow, UNKNOWN_CLOCK } from './connection/relay-clock.ts';
import { SelfProbe } from './connection/self-probe.ts';
import { socketConstructor } from './connection/web-socket.ts';
import { Conversation, type Message } from './conversation/conversation.ts';
import { Peer } from './conversation/peer.ts';
import { ClientError, throwIfAborted, unlessAborted } from './errors.ts';
import { Emitter } from './events.ts';
import { FileLane } from './files/file-lane.ts';
import { Receiver } from './receiving/receiver.ts';
import type { RelayEvents, RelayOptions } from './relay-options.ts';
import { Acceptance } from './sending/acceptance.ts';
import { Outbox } from './sending/outbox.ts';
import { Batch, Records } from './storage/records.ts';
import { memoryStorage } from './storage/storage.ts';
import { type TabLock, takeTabLock } from './storage/tab-lock.ts';

/** How often what has not come is looked after. */
const REMIND_EVERY_MS = 15_000;
/** Failures in a row after which `connect` gives up. */
const CONNECT_TRIES = 3;
/** What one `policy` may name. */
const KNOWN_AT_ONCE = 5_000;

/** One identity at one relay. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #identity: Identity;
  readonly #account: Account;
  readonly #registeredKeys: RegisteredKeys;
  readonly #commands: Commands;
  readonly #endpoints: Endpoints;
  readonly #records: Records;
  readonly #events = new Emitter<RelayEvents>();
  readonly #peers = new Map<string, { readonly peer: Peer; readonly conversation: Conversation }>();
  /** Codes of the peers that the program knows about. */
  readonly #announced = new Set<string>();
  /** Those that it was told of, or has begun, since the start. */
  readonly #told = new Set<string>();
  /** Of each loop over all messages: a message waits somewhere, or the client has ended. */
  readonly #wakes = new Set<() => void>();
  readonly #outbox: Outbox;
  readonly #acceptance: Acceptance;
  readonly #lane = new FileLane();
  readonly #receiver: Receiver;
  readonly #probe: SelfProbe;
  readonly #connection: Connection;
  readonly #protocol: 1 | 2;
  readonly #lock: TabLock | null;
  readonly #unwatch: () => void;
  /** The option of this name, which may change at any time. */
  typing: boolean;
  #state: ConnectionState = { state: 'connecting' };
  #limits: RelayLimits = DEFAULT_LIMITS;
  #clock = UNKNOWN_CLOCK;
  /** Reminds peers of what has not come. */
  #reminder: ReturnType<typeof setInterval> | undefined;

  private constructor(parts: {
    url: string;
    identity: Identity;
    options: RelayOptions;
    records: Records;
    lock: TabLock | null;
  }) {
    const { url, identity, options, records, lock } = parts;
    this.#options = options;
    this.typing = options.typing ?? false;
    this.#identity = identity;
    const endpoints = endpointsOf(url);
    this.#endpoints = endpoints;
    const { fetch, name, invite } = options;
    this.#account = new Account({ identity, endpoints, records, fetch, name, invite });
    this.#registeredKeys = new RegisteredKeys(identity, records);
    this.#commands = new Commands(identity);
    this.#records = records;
    this.#lock = lock;
    this.#protocol = options.protocol ?? 2;
    const onBroken = (error: unknown) => this.#broken(error);
    this.#acceptance = new Acceptance(records, options.answersStrangers ?? true);
    this.#outbox = new Outbox({
      records,
      holds: (recipient) => this.#acceptance.holds(recipient),
      seal: (entry, batch) => this.#peer(entry.recipient).peer.seal(entry, batch),
      onWaiting: (entry, why) => this.#peer(entry.recipient).peer.waiting(entry, why),
      onAccepted: (entry) => this.#peer(entry.recipient).peer.accepted(entry),
      onFailed: (entry, error) => this.#peer(entry.recipient).peer.failed(entry, error),
      onBroken,
    });
    this.#receiver = new Receiver({
      take: (envelope) => this.#take(envelope),
      confirm: (seq) => this.#connection.send(ack(seq)),
      skip: (seq) => this.#connection.send(skip(seq)),
      onFlood: (error) => this.#connection.drop(error),
      onBroken,
    });
    this.#probe = new SelfProbe({ identity, now: Date.now, send: (frame) => this.#connection.send(frame) });
    this.#connection = new Connection({
      endpoints,
      protocol: this.#protocol,
      identity,
      WebSocket: socketConstructor(options.WebSocket),
      enrol: async () => (await this.register()).code,
      isKnown: () => this.#account.isKnown(),
      onState: (state) => this.#changed(state),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onEnvelope: (envelope) => this.#receiver.push(envelope),
      onServer: ({ type, payload }) => this.#heardFromRelay(type, payload),
      onProbe: () => this.#probe.send(this.code ?? ''),
      onFrame: (direction, text) => this.#events.emit('frame', { direction, text }),
    });
    for (const [key] of records.list('pin:')) this.#announced.add(key.slice('pin:'.length));
    for (const code of this.#announced) this.#peer(code);
    for (const [key] of records.list('held:')) this.#peer(key.slice('held:'.length, 'held:'.length + 7));
    this.#unwatch = watchNetwork({
      gone: () => this.#connection.check(),
      back: () => this.#connection.wake(),
    });
    void lock?.lost.then(() => this.#end(new ClientError('displaced', 'Another tab took over.')));
  }

  /** Loads the storage and starts to connect. Messages sent before the login wait. */
  static async open(url: string, identity: Identity, options: RelayOptions = {}): Promise<Relay> {
    throwIfAborted(options.signal);
    const { locks, onElsewhere, signal } = options;
    const name = `keyrelay:${identity.eddsaPublicKey}`;
    const lock = locks === undefined ? null : await takeTabLock({ locks, name, onElsewhere, signal });
    const records = await Records.open(options.storage ?? memoryStorage());
    const owner = records.get<User>('account');
    if (owner !== undefined && owner.eddsaPublicKey !== identity.eddsaPublicKey) {
      lock?.release();
      await records.close();
      throw new ClientError(
        'wrong_storage',
        `This storage belongs to another identity, whose code is ${owner.code}: give each identity one of its own.`,
      );
    }
    if (options.protocol === 1 && records.get('protocol') === 2) {
      throw new ClientError(
        'downgraded',
        'This identity has used protocol 2, and never goes back to protocol 1.',
      );
    }
    const relay = new Relay({ url, identity, options, records, lock });
    await relay.#registeredKeys.forgetOld(Date.now());
    relay.#reminder = setInterval(() => relay.#remind(), REMIND_EVERY_MS);
    relay.#connection.start();
    return relay;
  }

  /**
   * Opens, then waits until the relay has accepted the login. Throws `unreachable`, with the last cause, after three failed
   * tries in a row, which take seconds; `open` goes on trying.
   */
  static async connect(url: string, identity: Identity, options: RelayOptions = {}): Promise<Relay> {
    const relay = await Relay.open(url, identity, options);
    try {
      await unlessAborted(relay.#live(), options.signal);
      return relay;
    } catch (error) {
      const { state } = relay;
      await relay.close();
      if (!(error instanceof ClientError) || error.code !== 'aborted') throw error;
      const reason = state.state === 'offline' ? state.reason : `${url} has not answered yet.`;
      throw new ClientError('aborted', `Ended before it was connected: ${reason}`, { cause: error });
    }
  }

  /** The user's code; null until the relay has assigned one. */
  get code(): string | null {
    return this.#account.user?.code ?? null;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What the relay allows, as stated at the last login. */
  get limits(): RelayLimits {
    return this.#limits;
  }

  /** Ends the wait between two tries, or probes the connection: for when a person looks, or the network is back. */
  retryNow(): void {
    this.#connection.wake();
  }

  /** Returns a function that removes the listener. */
  on<Name extends keyof RelayEvents>(name: Name, listener: (event: RelayEvents[Name]) => void): () => void {
    const off = this.#events.on(name, listener);
    // Those that are there already may have been taken up otherwise by then.
    if (name === 'conversation') {
      setTimeout(() => {
        for (const code of this.#announced) this.#tellOfUnclaimed(code);
      }, 0);
    }
    return off;
  }

  /**
   * The messages of all conversations, also of those to come, until the signal fires or the relay is closed. Asking for the
   * next confirms the last as handled.
   */
  messages(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<{ readonly conversation: Conversation; readonly message: Message }, void, undefined> {
    return this.#messages(options.signal);
  }

  /** Registers the identity, with proof. Safe to repeat; the first login does it by itself. */
  register(options: { readonly signal?: AbortSignal } = {}): Promise<User> {
    return unlessAborted(this.#account.register(), options.signal);
  }

  /**
   * Replaces the registered X25519 key, to which first messages are encrypted: whoever gets the old one later reads none that
   * were sent afterwards, and the storage forgets it after 8 days. Resolves once the relay has the new one, with the identity
   * to keep from now on: without this storage, the one of before cannot register any more. Protocol 2 only.
   */
  async rotateKey(options: { readonly signal?: AbortSignal } = {}): Promise<Identity> {
    if (this.#protocol === 1) throw new ClientError('invalid_argument', 'Commands need protocol 2.');
    const { code } = await this.register(options);
    const next = await this.#registeredKeys.make();
    const payload = { ecdh_public_key: next.ecdhPublicKey, proof: registrationProof(next) };
    await unlessAborted(this.#commands.send(code, { type: 'rotate', payload }), options.signal);
    await this.#registeredKeys.took(next, Date.now());
    await this.#account.rotated(next.ecdhPublicKey);
    return next;
  }

  lookup(code: string, options: { readonly signal?: AbortSignal } = {}): Promise<User> {
    return this.#account.lookup(code, options.signal);
  }

  /** The conversation with this code, written as people write codes. Throws `user_unknown` or `unreachable` at first contact. */
  async startConversation(
    code: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Conversation> {
    const canonical = canonicalCode(code);
    // Our own code is part of everything that is signed or derived.
    const own = await this.register(options);
    if (canonical === own.code) throw new ClientError('invalid_argument', 'This is your own code.');
    const known = this.#peers.get(canonical);
    // Look up before creating anything: a code that does not exist must leave no record.
    const user = known === undefined ? await this.lookup(canonical, options) : null;
    throwIfAborted(options.signal);
    const { peer, conversation } = known ?? this.#peer(canonical);
    this.#announced.add(canonical);
    this.#told.add(canonical);
    if (user !== null) await peer.trust.meet(user);
    await peer.begin();
    // The relay may name a different key by now: then the conversation emits `key-changed`.
    if (user === null) peer.trust.recheck().catch(() => {});
    return conversation;
  }

  /** From here on the relay stores nothing of this sender, who cannot tell. */
  async block(code: string): Promise<void> {
    await this.#command('block', { code: canonicalCode(code) });
  }

  async unblock(code: string): Promise<void> {
    await this.#command('unblock', { code: canonicalCode(code) });
  }

  /** The blocked codes, in no order. */
  async blocks(): Promise<readonly string[]> {
    const blocked = new Set<string>();
    let after: string | null = null;
    do {
      const page = readBlocks(await this.#command('blocks', after === null ? {} : { after }));
      for (const code of page.codes) blocked.add(code);
      after = page.codes.length === 0 ? null : page.next;
    } while (after !== null);
    return [...blocked];
  }

  /** `known`: strangers may leave one request each. Those with whom there is a conversation that was accepted are known. */
  async policy(accept: 'anyone' | 'known'): Promise<void> {
    const known = [...this.#peers.values()]
      .filter(({ peer }) => peer.isAccepted)
      .map(({ peer }) => peer.code);
    for (let from = 0; from === 0 || from < known.length; from += KNOWN_AT_ONCE) {
      await this.#command('policy', { accept, known: known.slice(from, from + KNOWN_AT_ONCE) });
    }
  }

  /** Deletes the account with everything that waits for it. Its code is never given again. Ends the client. */
  async deleteAccount(): Promise<void> {
    try {
      await this.#command('delete_account', {});
    } catch (error) {
      // The connection broke behind it, and the next login found no account.
      if (!(error instanceof ClientError) || error.code !== 'account_gone') throw error;
    }
    this.#end(new ClientError('account_gone', 'This account was deleted.'));
  }

  /** All conversations with peers whose keys are known. The event `conversation` tells of each further one, once. */
  get conversations(): readonly Conversation[] {
    return [...this.#peers].flatMap(([code, { conversation }]) =>
      this.#announced.has(code) ? conversation : [],
    );
  }

  /** Resolves when the relay has accepted everything, receipts included, or when the signal fires. */
  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    for (const { peer } of this.#peers.values()) peer.payReceipt();
    const aborted = new Promise<void>((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.#outbox.emptied(), aborted]);
  }

  /** Releases the socket and the storage. What still waits is sent after the next `open`. */
  async close(): Promise<void> {
    this.#end(new ClientError('closed', 'Closed by the program.'));
    await this.#receiver.settled();
    await this.#records.close();
  }

  async #command(type: string, payload: object): Promise<Readonly<Record<string, unknown>>> {
    if (this.#protocol === 1) throw new ClientError('invalid_argument', 'Commands need protocol 2.');
    if (this.#state.state === 'ended') throw this.#state.error;
    const { code } = await this.register();
    return this.#commands.send(code, { type, payload });
  }

  #live(): Promise<void> {
    return new Promise((resolve, reject) => {
      let failures = 0;
      const settle = (state: ConnectionState) => {
        if (state.state === 'offline') failures += 1;
        if (state.state === 'live') resolve();
        else if (state.state === 'ended') reject(state.error);
        else if (state.state === 'offline' && failures >= CONNECT_TRIES)
          reject(new ClientError('unreachable', `Cannot connect: ${state.reason}`));
        else return;
        off();
      };
      const off = this.on('state', settle);
      settle(this.#state);
    });
  }

  #welcomed({ expired, queued, clock, ...limits }: Welcome): void {
    this.#limits = limits;
    this.#clock = clock;
    if ((expired ?? 0) > 0) this.#events.emit('expired', { count: expired ?? 0 });
    if (this.#protocol === 2 && this.#records.get('protocol') !== 2) {
      const batch = new Batch();
      batch.set('protocol', 2);
      this.#records.commit(batch).catch((error: unknown) => this.#broken(error));
    }
    this.#receiver.reset();
    this.#remind();
    const transmit = (frame: string) => this.#connection.send(frame);
    this.#outbox.live(transmit);
    this.#lane.live(transmit, limits);
    this.#commands.live(transmit);
    for (const { peer } of this.#peers.values()) peer.files.live();
  }

  #heardFromRelay(type: string, payload: Readonly<Record<string, unknown>>): void {
    const outcome = outcomeOf(type, payload);
    if (outcome === null || this.#lane.answered(outcome) || this.#commands.answered(outcome)) return;
    if (outcome.outcome === 'again') this.#outbox.again(outcome.id, outcome.why, outcome.waitMs);
    else {
      const settled =
        outcome.outcome === 'accepted'
          ? this.#outbox.accepted(outcome.id)
          : this.#outbox.refused(outcome.id, outcome.error);
      settled.catch((error: unknown) => this.#broken(error));
    }
  }

  #remind(): void {
    for (const { peer } of this.#peers.values()) peer.remind();
  }

  /** Envelopes to ourselves are keep-alive probes: drop them. */
  async #take(envelope: IncomingEnvelope): Promise<void> {
    if (envelope.claims === null || envelope.claims === this.code) return;
    const { peer } = this.#peer(envelope.claims);
    await peer.receive(envelope);
    if (peer.isUnknown) this.#peers.delete(envelope.claims);
  }

  #peer(code: string): { readonly peer: Peer; readonly conversation: Conversation } {
    const known = this.#peers.get(code);
    if (known !== undefined) return known;
    const own = { code: this.code ?? '', identity: this.#identity };
    const peer = new Peer({
      code,
      own,
      records: this.#records,
      outbox: this.#outbox,
      acceptance: this.#acceptance,
      receipts: this.#options.receipts ?? true,
      wantsTyping: () => this.typing,
      lane: this.#lane,
      mailboxBytes: () => this.#limits.mailboxBytes,
      lookup: (asked) => this.lookup(asked),
      now: Date.now,
      relayNow: () => relayNow(this.#clock),
      audience: this.#endpoints.socket,
      maxFrameBytes: () => this.#limits.maxFrameBytes,
      registeredKeys: this.#options.registeredKeys ?? false,
      registeredSecret: (key) => this.#registeredKeys.secretOf(key),
      onAdded: () => this.#receiver.added(),
      onHandled: () => this.#receiver.handled(),
      onWaiting: () => this.#waits(code),
      onMet: () => this.#met(code),
      onBroken: (error) => this.#broken(error),
    });
    const conversation = new Conversation({
      peer,
      own: { code: own.code, eddsaPublicKey: this.#identity.eddsaPublicKey },
      maxFrameBytes: () => this.#limits.maxFrameBytes,
      now: Date.now,
    });
    const made = { peer, conversation };
    this.#peers.set(code, made);
    return made;
  }

  #met(code: string): void {
    const met = this.#peers.get(code);
    if (met === undefined || this.#announced.has(code)) return;
    this.#announced.add(code);
    this.#tell(code);
  }

  #waits(code: string): void {
    for (const wake of this.#wakes) wake();
    if (this.#wakes.size === 0) this.#tellOfUnclaimed(code);
  }

  /** Once for each conversation, as soon as the program listens. */
  #tell(code: string): void {
    const conversation = this.#peers.get(code)?.conversation;
    if (conversation === undefined || this.#told.has(code) || !this.#events.has('conversation')) return;
    this.#told.add(code);
    this.#events.emit('conversation', { conversation });
  }

  #tellOfUnclaimed(code: string): void {
    const inbox = this.#peers.get(code)?.peer.inbox;
    if (inbox !== undefined && !inbox.isEmpty && !inbox.claimed && this.#announced.has(code))
      this.#tell(code);
  }

  async *#messages(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ readonly conversation: Conversation; readonly message: Message }, void, undefined> {
    let wake = () => {};
    const wakeUp = () => wake();
    this.#wakes.add(wakeUp);
    signal?.addEventListener('abort', wakeUp);
    try {
      while (this.#state.state !== 'ended' && !signal?.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const waiting = [...this.#peers.values()].filter(({ peer }) => !peer.inbox.isEmpty);
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

  #changed(state: ConnectionState): void {
    this.#state = state;
    if (state.state !== 'live') {
      this.#outbox.down();
      this.#lane.down();
      this.#commands.down();
    }
    this.#events.emit('state', state);
  }

  #broken(cause: unknown): void {
    this.#end(
      new ClientError(
        'storage_failed',
        'The storage could not be written, so the client stops: see `cause`.',
        {
          cause,
        },
      ),
    );
  }

  #end(error: ClientError): void {
    this.#unwatch();
    this.#connection.end(error);
    this.#receiver.close();
    for (const { peer } of this.#peers.values()) peer.close();
    this.#commands.end(error);
    clearInterval(this.#reminder);
    this.#lock?.release();
    for (const wake of this.#wakes) wake();
  }
}

/** @throws ClientError if it is no code, however people write codes */
function canonicalCode(code: string): string {
  const canonical = readCode(code.trim());
  if (canonical !== null) return canonical;
  throw new ClientError('invalid_argument', 'A code is 7 letters and digits, such as E011T7D.');
}
