import { ack, skip } from '../protocol/frames/relay-frames.ts';
import { Account } from './account/account.ts';
import { endpointsOf } from './account/endpoints.ts';
import type { Identity } from './account/identity.ts';
import { RegisteredKeys } from './account/registered-keys.ts';
import { Commands } from './commands/commands.ts';
import { outcomeOf } from './commands/relay-reply.ts';
import { Connection, type ConnectionState } from './connection/connection.ts';
import { DEFAULT_LIMITS, type RelayLimits, type Welcome } from './connection/login.ts';
import { watchNetwork } from './connection/network.ts';
import { relayNow, UNKNOWN_CLOCK } from './connection/relay-clock.ts';
import { SelfProbe } from './connection/self-probe.ts';
import { socketConstructor } from './connection/web-socket.ts';
import { Peers } from './conversation/peers.ts';
import { ClientError } from './errors.ts';
import { Emitter } from './events.ts';
import { FileLane } from './files/file-lane.ts';
import { Prekeys } from './keys/prekeys.ts';
import { Receiver } from './receiving/receiver.ts';
import type { RelayEvents, RelayOptions } from './relay-options.ts';
import { Acceptance } from './sending/acceptance.ts';
import { Outbox } from './sending/outbox.ts';
import { Batch, type Records } from './storage/records.ts';
import type { TabLock } from './storage/tab-lock.ts';

/** How often what has not come is looked after. */
const REMIND_EVERY_MS = 15_000;

export interface RelaySessionOptions {
  readonly url: string;
  readonly identity: Identity;
  readonly options: RelayOptions;
  readonly records: Records;
  readonly lock: TabLock | null;
}

/**
 * What a `Relay` runs from its opening to its end, over all its connections: the account, the connection, what waits to
 * be sent, what is received, and the peers.
 */
export class RelaySession {
  readonly account: Account;
  readonly registeredKeys: RegisteredKeys;
  readonly #prekeys: Prekeys;
  readonly commands: Commands;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly peers: Peers;
  readonly events = new Emitter<RelayEvents>();
  readonly protocol: 1 | 2;
  state: ConnectionState = { state: 'connecting' };
  limits: RelayLimits = DEFAULT_LIMITS;
  /** See `RelayOptions`. */
  wantsTyping: boolean;
  readonly #options: RelayOptions;
  readonly #records: Records;
  readonly #lane = new FileLane();
  readonly #receiver: Receiver;
  readonly #probe: SelfProbe;
  readonly #lock: TabLock | null;
  readonly #unwatch: () => void;
  readonly #ended = new AbortController();
  #clock = UNKNOWN_CLOCK;
  /** Reminds peers of what has not come. */
  #reminder: ReturnType<typeof setInterval> | undefined;

  constructor({ url, identity, options, records, lock }: RelaySessionOptions) {
    const endpoints = endpointsOf(url);
    const { fetch, name, invite } = options;
    this.account = new Account({
      identity,
      endpoints,
      records,
      fetch,
      name,
      invite,
      ended: this.#ended.signal,
    });
    this.registeredKeys = new RegisteredKeys(identity, records);
    this.commands = new Commands(identity);
    this.#prekeys = new Prekeys({
      identity,
      records,
      commands: this.commands,
      ownCode: () => this.account.user?.code ?? '',
      now: Date.now,
    });
    this.protocol = options.protocol ?? 2;
    this.wantsTyping = options.typing ?? false;
    this.#options = options;
    this.#records = records;
    this.#lock = lock;
    const onBroken = (error: unknown) => this.#broken(error);
    const acceptance = new Acceptance(records, options.answersStrangers ?? false);
    this.outbox = new Outbox({
      records,
      holds: (recipient) => acceptance.holds(recipient),
      seal: (entry, batch) => this.peers.of(entry.recipient).peer.sender.seal(entry, batch),
      onWaiting: (entry, why) => this.peers.of(entry.recipient).peer.waiting(entry, why),
      onAccepted: (entry) => this.peers.of(entry.recipient).peer.accepted(entry),
      onFailed: (entry, error) => this.peers.of(entry.recipient).peer.failed(entry, error),
      onBroken,
    });
    this.#receiver = new Receiver({
      take: (envelope) => this.peers.receive(envelope),
      confirm: (seq) => this.connection.send(ack(seq)),
      skip: (seq) => this.connection.send(skip(seq)),
      onFlood: (error) => this.connection.drop(error),
      onBroken,
    });
    this.#probe = new SelfProbe({ identity, now: Date.now, send: (frame) => this.connection.send(frame) });
    const ownCode = () => this.account.user?.code ?? null;
    this.connection = new Connection({
      endpoints,
      protocol: this.protocol,
      identity,
      WebSocket: socketConstructor(options.WebSocket),
      enrol: async () => (await this.account.register()).code,
      isKnown: () => this.account.isKnown(),
      onState: (state) => this.#changed(state),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onEnvelope: (envelope) => this.#receiver.push(envelope),
      onServer: ({ type, payload }) => this.#heardFromRelay(type, payload),
      onProbe: () => this.#probe.send(ownCode() ?? ''),
      onFrame: (direction, text) => this.events.emit('frame', { direction, text }),
    });
    this.peers = new Peers({
      identity,
      ownCode,
      records,
      outbox: this.outbox,
      acceptance,
      receipts: options.receipts ?? true,
      wantsTyping: () => this.wantsTyping,
      lane: this.#lane,
      mailboxBytes: () => this.limits.mailboxBytes,
      lookup: (code) => this.account.lookup(code),
      now: Date.now,
      relayNow: () => relayNow(this.#clock),
      audience: endpoints.socket,
      maxFrameBytes: () => this.limits.maxFrameBytes,
      registeredKeys: options.registeredKeys ?? false,
      secrets: {
        registered: (key) => this.registeredKeys.secretOf(key),
        prekeys: (generation, prekey) => this.#prekeys.own.secretsOf(generation, prekey),
        used: (prekey, batch) => this.#prekeys.own.used(prekey, batch),
      },
      claimPrekeys: (owner) => this.#prekeys.claim(owner),
      isHeard: () => this.events.has('conversation'),
      onConversation: (conversation) => this.events.emit('conversation', { conversation }),
      onAdded: () => this.#receiver.added(),
      onHandled: () => this.#receiver.handled(),
      isEnded: () => this.state.state === 'ended',
      onBroken,
    });
    this.#unwatch = watchNetwork({
      gone: () => this.connection.check(),
      back: () => this.connection.wake(),
    });
    void lock?.lost.then(() => this.end(new ClientError('displaced', 'Another tab took over.')));
  }

  /** Connects. Messages sent before the login wait. */
  async start(): Promise<void> {
    await this.registeredKeys.forgetOld(Date.now());
    await this.#prekeys.own.forgetOld();
    this.#reminder = setInterval(() => this.peers.remind(), REMIND_EVERY_MS);
    this.connection.start();
  }

  end(error: ClientError): void {
    this.#ended.abort();
    this.#unwatch();
    this.connection.end(error);
    this.#receiver.close();
    this.commands.end(error);
    clearInterval(this.#reminder);
    this.#lock?.release();
    this.peers.close();
  }

  /** Resolves once everything received is stored and the storage is closed. Call `end` before. */
  async settled(): Promise<void> {
    await this.#receiver.settled();
    await this.#records.close();
  }

  #welcomed({ expired, queued, clock, prekeys, ...limits }: Welcome): void {
    this.limits = limits;
    this.#clock = clock;
    if ((expired ?? 0) > 0) this.events.emit('expired', { count: expired ?? 0 });
    if (this.protocol === 2 && this.#records.get('protocol') !== 2) {
      const batch = new Batch();
      batch.set('protocol', 2);
      this.#records.commit(batch).catch((error: unknown) => this.#broken(error));
    }
    this.#receiver.reset();
    this.peers.remind();
    const transmit = (frame: string) => this.connection.send(frame);
    this.outbox.live(transmit);
    this.#lane.live(transmit, limits);
    this.commands.live(transmit);
    for (const { peer } of this.peers.all.values()) peer.files.live();
    // The plain flow publishes nothing, and asks for nothing.
    this.#prekeys.welcomed(this.#options.registeredKeys === true ? null : prekeys);
  }

  #heardFromRelay(type: string, payload: Readonly<Record<string, unknown>>): void {
    const outcome = outcomeOf(type, payload);
    if (outcome === null || this.#lane.answered(outcome) || this.commands.answered(outcome)) return;
    if (outcome.outcome === 'again') this.outbox.again(outcome.id, outcome.why, outcome.waitMs);
    else {
      const settled =
        outcome.outcome === 'accepted'
          ? this.outbox.accepted(outcome.id)
          : this.outbox.refused(outcome.id, outcome.error);
      settled.catch((error: unknown) => this.#broken(error));
    }
  }

  #changed(state: ConnectionState): void {
    this.state = state;
    if (state.state !== 'live') {
      this.outbox.down();
      this.#lane.down();
      this.commands.down();
    }
    this.events.emit('state', state);
  }

  #broken(cause: unknown): void {
    const message = 'The storage could not be written, so the client stops: see `cause`.';
    this.end(new ClientError('storage_failed', message, { cause }));
  }
}
