import type { PublicKey } from '../../crypto/verify.ts';
import type {
  ClaimResult,
  MailboxListener,
  SessionKey,
  SessionState,
  Subscription,
  Unconfirmed,
  WakeUp,
} from '../../engine/engine.ts';
import type { Policy } from '../../engine/verbs/people.ts';
import { CLOSES, type CloseName } from '../../protocol/closes.ts';
import { Commands } from '../commands/commands.ts';
import { restartReason } from '../context/close-reason.ts';
import { WORKING_PATIENCE } from '../context/patience.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { Hold } from '../inbound/deliver-queue.ts';
import { Inbound } from '../inbound/inbound.ts';
import { deadLetterByClient } from '../outbound/dead-letter.ts';
import { Heartbeat } from '../outbound/heartbeat.ts';
import { Latency } from '../outbound/latency.ts';
import { Push, type PushOwner } from '../outbound/push.ts';
import { Receipts, type ReceiptsOwner } from '../outbound/receipts.ts';
import { Sender } from '../outbound/sender.ts';
import { SlowStart } from '../outbound/slow-start.ts';
import { beginsSlowly, type SocketEnd, TOO_BIG_MAX, unconfirmedAt } from '../outbound/unconfirmed.ts';
import { Window } from '../outbound/window.ts';
import type { Socket } from '../transport/socket.ts';

export interface SessionOptions {
  readonly context: RelayContext;
  readonly socket: Socket;
  /** The address that limits count. */
  readonly address: string;
  readonly key: PublicKey;
  readonly login: Extract<ClaimResult, { outcome: 'claimed' }>;
  readonly subscription: Subscription;
  /** Monotonic milliseconds: when the store was asked to claim. */
  readonly claimedAtMs: number;
}

/**
 * After a claim of this user was heard and checked, further ones are checked together: of several devices that log in
 * at once, one is left within this and the way to Redis and back, which must be less than a second.
 */
const CLAIM_CHECK_MS = 500;
type ClaimsHeard = 'checked' | 'checking' | 'another';

/** How long a draining session waits for the receipts of what it has just pushed. */
const LAST_RECEIPTS_MS = 1_000;

/** In slow start, what is in flight should be confirmed within this part of the time allowed for a pong. */
const SLOW_START_PART = 1 / 3;

/** How a socket closes when its session no longer holds: by which code, and the reason for people. */
const LOST: Readonly<
  Record<Exclude<SessionState, 'held'>, { readonly close: CloseName; readonly reason: string }>
> = {
  displaced: { close: 'replaced', reason: 'replaced by a newer connection' },
  gone: { close: 'restarting', reason: '' },
  ended: { close: 'restarting', reason: '' },
  banned: { close: 'banned', reason: 'the operator of this relay has banned this account' },
  unknown_user: { close: 'notAuthenticated', reason: 'this account is not known any more: register again' },
};

/**
 * One logged-in user on one socket: mailbox → socket is `push` → window → heartbeat → `receipts`, socket → mailbox
 * is `inbound`. All of it ends with the socket; what must outlive the socket is in the store.
 */
export class Session implements MailboxListener, PushOwner, ReceiptsOwner, Hold {
  readonly push: Push;
  readonly receipts: Receipts;
  readonly #context: RelayContext;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #key: PublicKey;
  readonly #session: SessionKey;
  readonly #policy: Policy;
  readonly #subscription: Subscription;
  readonly #heartbeat: Heartbeat;
  readonly #window: Window;
  /** What the last session of this user ended on. */
  readonly #unconfirmed: Unconfirmed | null;
  /** Null until the first frame: most clients only listen. */
  #inbound: Inbound | null = null;
  /** Null until the first command: most clients send none. */
  #commands: Commands | null = null;
  /**
   * Monotonic, never later than when the store said that the session holds. Not rounded: the store's clock is trusted from
   * the moment of its first answer on, and a hold that seems older than that delivers nothing.
   */
  #heldAtMs: number;
  /** One question to the store answers all that ask meanwhile. */
  #verifying: Promise<boolean> | null = null;
  #claims: ClaimsHeard = 'checked';
  #ended = false;

  constructor({ context, socket, address, key, login, subscription, claimedAtMs }: SessionOptions) {
    const { session } = login;
    this.#context = context;
    this.#socket = socket;
    this.#address = address;
    this.#key = key;
    this.#session = session;
    this.#policy = login.policy;
    this.#subscription = subscription;
    this.#heldAtMs = claimedAtMs;
    const { config, now } = context;
    this.#unconfirmed = login.unconfirmed;
    const slowStart = beginsSlowly(login.unconfirmed)
      ? new SlowStart(now, config.pongTimeoutMs * SLOW_START_PART)
      : null;
    const window = new Window({
      envelopesMax: config.windowEnvelopes,
      bytesMax: config.windowBytes,
      slowStart,
    });
    this.#window = window;
    const heartbeat = new Heartbeat(context, socket, session.protocol === 1);
    const latency = new Latency(context, login.last);
    this.#heartbeat = heartbeat;
    const { unconfirmed } = login;
    const sender = new Sender({
      context,
      socket,
      session,
      unconfirmed,
      window,
      heartbeat,
      latency,
      owner: this,
    });
    this.push = new Push({ context, window, sender, login, subscription, owner: this });
    this.receipts = new Receipts({
      context,
      session,
      window,
      heartbeat,
      latency,
      push: this.push,
      owner: this,
    });
  }

  get code(): string {
    return this.#session.code;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Handles the client's frames. */
  get inbound(): Inbound {
    this.#inbound ??= new Inbound({
      context: this.#context,
      socket: this.#socket,
      session: this.#session,
      hold: this,
      address: this.#address,
      key: this.#key,
      policy: this.#policy,
      onCommand: (command) => this.#commandQueue.put(command),
      receipts: this.receipts,
    });
    return this.#inbound;
  }

  get #commandQueue(): Commands {
    this.#commands ??= new Commands({
      context: this.#context,
      session: this.#session,
      socket: this.#socket,
      contacts: this.inbound.acquaintances,
      refusals: this.inbound.refusals,
      lookups: this.inbound.lookupCharge,
      onLost: (state) => this.onLost(state),
    });
    return this.#commands;
  }

  /** The socket has sent what it had buffered. */
  drain(): void {
    this.#heartbeat.drained();
    this.push.resume(true);
  }

  /** Called about once a second. */
  tick(): void {
    const patience = this.#window.working ? WORKING_PATIENCE : 1;
    if (!this.#heartbeat.tick(patience)) this.close('goingAway', 'no answer to a ping');
  }

  /** Stops pushing, waits a moment for what is in flight both ways, then closes. Resolves when closed. */
  async drainAndClose(close: CloseName, reason: string): Promise<void> {
    this.push.end();
    const timeout = new Promise((resolve) => setTimeout(resolve, LAST_RECEIPTS_MS).unref());
    const settled = Promise.all([this.receipts.allReceived(), this.#inbound?.idle(), this.#commands?.idle()]);
    await Promise.race([settled, timeout]);
    this.close(close, reason);
  }

  close(close: CloseName, reason: string): void {
    this.push.end();
    this.#socket.close(close, reason);
  }

  /** The socket is closed. Resolves when the store has the last receipts and has released the session. */
  async end(how: SocketEnd): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#subscription.unsubscribe();
    this.#heartbeat.end();
    const { cursor, buffered } = this.push;
    const noted = unconfirmedAt(how, { window: this.#window, cursor, buffered }, this.#unconfirmed);
    this.push.end();
    await this.receipts.settle();
    await this.#release(noted).catch(() => {
      // The store is away. A session without a socket is harmless there, and ends with the next claim.
    });
  }

  async #release(noted: Unconfirmed | null | undefined): Promise<void> {
    const context = this.#context;
    const session = this.#session;
    const isLast = (noted?.tooBig ?? 0) >= TOO_BIG_MAX;
    if (noted && isLast) await deadLetterByClient({ context, session }, noted.id, 'too_big');
    await context.engine.release(session, isLast ? null : noted);
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.push.wake(wakeUp);
  }

  /**
   * Another claim took place. It may have come before ours and be heard after it, so the store is asked which session
   * holds: at once, and for the claims of the next half second once more at its end.
   */
  onClaimed(token: string): void {
    if (this.#ended || token === this.#session.token) return;
    if (this.#claims !== 'checked') {
      this.#claims = 'another';
      return;
    }
    this.#claims = 'checking';
    this.#checkHeld();
    setTimeout(() => {
      const again = this.#claims === 'another';
      this.#claims = 'checked';
      if (again) this.onClaimed('');
    }, CLAIM_CHECK_MS).unref();
  }

  onPoll(): void {
    this.push.poll('look');
    // Nothing is read for a client that does not confirm; the session is checked even so.
    if (this.push.stalled) this.#checkHeld();
  }

  onReclaim(): void {
    if (this.#ended || !this.#socket.open) return;
    this.verify().then(
      (held) => {
        if (held) this.push.poll('reclaim');
      },
      () => {
        // Away again: the engine calls onReclaim once more when it is back.
      },
    );
  }

  get heldAtMs(): number {
    return this.#heldAtMs;
  }

  onHeld(askedAtMs: number): void {
    this.#heldAtMs = Math.max(this.#heldAtMs, askedAtMs);
  }

  verify(): Promise<boolean> {
    this.#verifying ??= this.#reclaim().finally(() => {
      this.#verifying = null;
    });
    return this.#verifying;
  }

  async #reclaim(): Promise<boolean> {
    const askedAtMs = this.#context.now();
    const state = await this.#context.engine.reclaim(this.#session, this.push.cursor);
    if (state === 'held') this.onHeld(askedAtMs);
    // Closes only when the frames that asked have been refused.
    else setImmediate(() => this.onLost(state));
    return state === 'held';
  }

  #checkHeld(): void {
    const askedAtMs = this.#context.now();
    const request = { session: this.#session, after: this.push.cursor };
    this.#context.engine.read({ ...request, maxEnvelopes: 1, maxBytes: 1 }).then(
      (answer) => {
        if (answer.state === 'held') this.onHeld(askedAtMs);
        else this.onLost(answer.state);
      },
      () => {
        // The store is away: it answers at the next poll, or asks to reclaim.
      },
    );
  }

  onLost(state: Exclude<SessionState, 'held'>): void {
    if (state === 'displaced' && this.#socket.open) {
      this.#context.metrics.takeovers.add();
      this.#context.takeoverDamping.displaced(this.code);
    }
    const { close, reason } = LOST[state];
    if (state === 'unknown_user') this.#closeUnknown(reason);
    else this.close(close, close === 'restarting' ? restartReason() : reason);
  }

  /** The store has lost the user, who may register again; or the account was deleted. */
  #closeUnknown(reason: string): void {
    const known = this.#context.engine.findUser(this.code).catch(() => null);
    void known.then((user) => {
      if (user === 'gone') this.close('deleted', CLOSES.deleted.means);
      else this.close('notAuthenticated', reason);
    });
  }

  /** Harmless, but not without limit. */
  onNoise(foreign: 'pong' | 'ack' | null): void {
    const { metrics, rates } = this.#context;
    if (foreign !== null) metrics.foreignReceipts.of(foreign).add();
    if (rates.penalties.take(this.code) > 0) this.#socket.close('flooding', 'too many receipts of nothing');
  }
}
