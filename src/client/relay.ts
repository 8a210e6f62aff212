import { readCode } from '../protocol/codes.ts';
import type { User } from './account/directory.ts';
import type { Identity } from './account/identity.ts';
import { registrationProof } from './account/signing.ts';
import { readBlocks } from './commands/commands.ts';
import { reportOf } from './commands/report.ts';
import type { ConnectionState } from './connection/connection.ts';
import type { RelayLimits } from './connection/login.ts';
import type { Conversation, Message } from './conversation/conversation.ts';
import { ClientError, throwIfAborted, unlessAborted } from './errors.ts';
import type { RelayEvents, RelayOptions } from './relay-options.ts';
import { RelaySession } from './relay-session.ts';
import { Records } from './storage/records.ts';
import { memoryStorage } from './storage/storage.ts';
import { takeTabLock } from './storage/tab-lock.ts';

/** Failures in a row after which `connect` gives up. */
const CONNECT_TRIES = 3;
/** What one `policy` may name. */
const KNOWN_AT_ONCE = 5_000;

/** One identity at one relay. */
export class Relay {
  readonly #session: RelaySession;

  private constructor(session: RelaySession) {
    this.#session = session;
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
        `This storage belongs to another identity, whose code is ${owner.code}: give each identity its own storage.`,
      );
    }
    if (options.protocol === 1 && records.get('protocol') === 2) {
      throw new ClientError(
        'downgraded',
        'This identity has used protocol 2, and never goes back to protocol 1.',
      );
    }
    const session = new RelaySession({ url, identity, options, records, lock });
    await session.start();
    return new Relay(session);
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
    return this.#session.account.user?.code ?? null;
  }

  get state(): ConnectionState {
    return this.#session.state;
  }

  /** The option of this name, which may change at any time. */
  get typing(): boolean {
    return this.#session.wantsTyping;
  }

  set typing(wanted: boolean) {
    this.#session.wantsTyping = wanted;
  }

  /** What the relay allows, as stated at the last login. */
  get limits(): RelayLimits {
    return this.#session.limits;
  }

  /** Ends the wait between two tries, or probes the connection: for when a person looks, or the network is back. */
  retryNow(): void {
    this.#session.connection.wake();
  }

  /** Returns a function that removes the listener. */
  on<Name extends keyof RelayEvents>(name: Name, listener: (event: RelayEvents[Name]) => void): () => void {
    const off = this.#session.events.on(name, listener);
    // Those that are there already may have been taken up otherwise by then.
    if (name === 'conversation') setTimeout(() => this.#session.peers.tellOfUnclaimed(), 0);
    return off;
  }

  /**
   * The messages of all conversations, also of those to come, until the signal fires or the relay is closed. Asking for the
   * next confirms the last as handled.
   */
  messages(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<{ readonly conversation: Conversation; readonly message: Message }, void, undefined> {
    return this.#session.peers.messages(options.signal);
  }

  /** Registers the identity, with proof. Safe to repeat; the first login does it by itself. */
  register(options: { readonly signal?: AbortSignal } = {}): Promise<User> {
    return unlessAborted(this.#session.account.register(), options.signal);
  }

  /**
   * Replaces the registered X25519 key, to which first messages are encrypted: a thief of the old one reads none that were
   * sent afterwards, and the storage forgets it after 8 days. Resolves once the relay has the new one, with the identity
   * to keep from now on: without this storage, the one of before cannot register any more. Protocol 2 only.
   */
  async rotateKey(options: { readonly signal?: AbortSignal } = {}): Promise<Identity> {
    const { protocol, registeredKeys, commands, account } = this.#session;
    if (protocol === 1) throw new ClientError('invalid_argument', 'Commands need protocol 2.');
    const { code } = await this.register(options);
    const next = await registeredKeys.make();
    const payload = { ecdh_public_key: next.ecdhPublicKey, proof: registrationProof(next) };
    await unlessAborted(commands.send(code, { type: 'rotate', payload }), options.signal);
    await registeredKeys.took(next, Date.now());
    await account.rotated(next.ecdhPublicKey);
    return next;
  }

  lookup(code: string, options: { readonly signal?: AbortSignal } = {}): Promise<User> {
    return this.#session.account.lookup(code, options.signal);
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
    const { peers } = this.#session;
    const isNew = !peers.all.has(canonical);
    // Look up before creating anything: a code that does not exist must leave no record.
    const user = isNew ? await this.lookup(canonical, options) : null;
    throwIfAborted(options.signal);
    const { peer, conversation } = peers.begin(canonical);
    if (user !== null) await peer.trust.meet(user);
    await peer.begin();
    // The relay may name a different key by now: then the conversation emits `key-changed`.
    if (user === null) peer.trust.recheck().catch(() => {});
    return conversation;
  }

  /** From here on the relay stores nothing that this sender sends, and the sender cannot tell. */
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

  /**
   * Shows the relay's operators the last messages of this sender that came here: their envelopes, whose signatures prove who
   * sent them to whom. Operators see times, sizes, the codes of both and `reason` (500 characters), and can read no message.
   * The other learns nothing of it. Resolves once it is filed, with the number of envelopes; the relay takes one report a
   * minute, so a second one waits.
   */
  async report(code: string, options: { readonly reason?: string } = {}): Promise<number> {
    const canonical = canonicalCode(code);
    const { limits, peers } = this.#session;
    const kept = peers.all.get(canonical)?.peer.reportable.envelopes ?? [];
    const report = reportOf({ code: canonical, reason: options.reason ?? '', kept, ...limits });
    await this.#command('report', report);
    return report.envelopes.length;
  }

  /** `known`: strangers may leave one request each. Those with whom there is a conversation that was accepted are known. */
  async policy(accept: 'anyone' | 'known'): Promise<void> {
    const known = [...this.#session.peers.all.values()]
      .filter(({ peer }) => peer.isAccepted)
      .map(({ peer }) => peer.code);
    for (let from = 0; from === 0 || from < known.length; from += KNOWN_AT_ONCE) {
      await this.#command('policy', { accept, known: known.slice(from, from + KNOWN_AT_ONCE) });
    }
  }

  /**
   * Web Push while away: registers a subscription as browsers give it, or removes one. Resolves with the key to subscribe
   * with (`applicationServerKey`); null if the relay does not push, or not there.
   */
  async push(
    change:
      | { readonly endpoint: string; readonly p256dh: string; readonly auth: string }
      | { readonly endpoint: string; readonly remove: true }
      | Record<string, never> = {},
  ): Promise<string | null> {
    try {
      return String((await this.#command('push', change)).public_key);
    } catch (error) {
      if (error instanceof ClientError && error.code === 'refused') return null;
      throw error;
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
    this.#session.end(new ClientError('account_gone', 'This account was deleted.'));
  }

  /** All conversations with peers whose keys are known. The event `conversation` tells of each further one, once. */
  get conversations(): readonly Conversation[] {
    return this.#session.peers.conversations;
  }

  /** Resolves when the relay has accepted everything, receipts included, or when the signal fires. */
  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    const { peers, outbox } = this.#session;
    for (const { peer } of peers.all.values()) peer.receipts.pay();
    const aborted = new Promise<void>((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([outbox.emptied(), aborted]);
  }

  /** Releases the socket and the storage. What still waits is sent after the next `open`. */
  async close(): Promise<void> {
    this.#session.end(new ClientError('closed', 'Closed by the program.'));
    await this.#session.settled();
  }

  async #command(type: string, payload: object): Promise<Readonly<Record<string, unknown>>> {
    const { protocol, state, commands } = this.#session;
    if (protocol === 1) throw new ClientError('invalid_argument', 'Commands need protocol 2.');
    if (state.state === 'ended') throw state.error;
    const { code } = await this.register();
    return commands.send(code, { type, payload });
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
      settle(this.state);
    });
  }
}

/** @throws ClientError if it is no code, however people write codes */
function canonicalCode(code: string): string {
  const canonical = readCode(code.trim());
  if (canonical !== null) return canonical;
  throw new ClientError('invalid_argument', 'A code is 7 letters and digits, such as E011T7D.');
}
