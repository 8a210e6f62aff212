import WebSocket from 'ws';
import { retryInMs } from './frames.ts';
import { type Closed, PlainClient, type PlainClientOptions } from './plain-client.ts';
import type { PlainUser } from './users.ts';

const LOGIN_TIMEOUT_MS = 4_000;
const BACKOFF_MS_MIN = 100;
/** Closes after which a client must not come back without a change. */
const FINAL = [1009, 4400, 4401];
const REPLACED = 4409;

export interface ReconnectingOptions extends PlainClientOptions {
  readonly user: PlainUser;
  /** The URL of the next connection. */
  readonly dial: () => string;
  /** In [0, 1): spreads the waits between attempts. Default: `Math.random`. */
  readonly random?: () => number;
  readonly backoffMsMax?: number;
  /** The socket is open, and nothing has been sent yet. */
  readonly onOpen?: (client: PlainClient) => void;
  /** Called as soon as `connect_ack` has come, before any frame behind it. */
  readonly onLogin?: (client: PlainClient) => void;
  /** An open socket has closed. */
  readonly onClosed?: (closed: Closed, client: PlainClient) => void;
}

/** Keeps one user connected: comes back as the table of closes in docs/protocol.md says, with back-off. */
export class ReconnectingClient {
  readonly user: PlainUser;
  /** False: after 4409 it stays away, as a device that was replaced by another. */
  comesBackWhenReplaced = false;
  /** Why it stays away, if it does: the code of a close that forbids coming back. */
  staysAway: number | null = null;
  readonly #options: ReconnectingOptions;
  #client: PlainClient | null = null;
  #answersPings = true;
  #failures = 0;
  #running = false;
  #reconnect: NodeJS.Timeout | null = null;

  constructor(options: ReconnectingOptions) {
    this.#options = options;
    this.user = options.user;
    this.#answersPings = options.pongs !== 'none';
  }

  /** The socket of now, logged in or not; null between two. */
  get client(): PlainClient | null {
    return this.#client;
  }

  get loggedIn(): boolean {
    return this.#client?.loggedIn ?? false;
  }

  /** Of this connection and all to come; see `PlainClient`. */
  set answersPings(answers: boolean) {
    this.#answersPings = answers;
    if (this.#client !== null) this.#client.answersPings = answers;
  }

  start(): void {
    this.#running = true;
    this.staysAway = null;
    if (this.#client === null && this.#reconnect === null) this.#dial();
  }

  /** Leaves for good, in order. */
  stop(): void {
    this.#running = false;
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    this.#client?.ws.close(1000);
  }

  /** The connection is lost without a close frame. False if there was none. */
  cut(): boolean {
    if (this.#client?.ws.readyState !== WebSocket.OPEN) return false;
    this.#client.ws.terminate();
    return true;
  }

  #dial(): void {
    this.#reconnect = null;
    const { dial, onOpen, onLogin, onFrame, onClosed } = this.#options;
    let isOpen = false;
    let wasLoggedIn = false;
    const client = new PlainClient(dial(), {
      waitMs: LOGIN_TIMEOUT_MS,
      ...this.#options,
      onFrame: (frame) => {
        if (client.loggedIn && !wasLoggedIn) {
          wasLoggedIn = true;
          this.#failures = 0;
          onLogin?.(client);
        }
        onFrame?.(frame, client);
      },
    });
    client.answersPings = this.#answersPings;
    this.#client = client;
    client.ws.once('open', () => {
      isOpen = true;
      onOpen?.(client);
    });
    client.ws.once('close', () => {
      const closed = client.closed ?? { code: 1006, reason: '' };
      this.#client = null;
      if (isOpen) onClosed?.(closed, client);
      this.#comeBack(closed);
    });
    // A login that fails ends the socket, which is what counts.
    client.login(this.user).catch(() => undefined);
  }

  #comeBack(closed: Closed): void {
    if (!this.#running) return;
    const delayMs = this.#delayMs(closed);
    if (delayMs === null) this.staysAway = closed.code;
    else this.#reconnect = setTimeout(() => this.#dial(), delayMs);
  }

  /** Null: not without a change. */
  #delayMs({ code, reason }: Closed): number | null {
    const { random = Math.random, backoffMsMax = 3_000 } = this.#options;
    const askedMs = code === 1012 ? retryInMs(reason) : null;
    if (askedMs !== null) return askedMs;
    if (FINAL.includes(code) || (code === REPLACED && !this.comesBackWhenReplaced)) return null;
    const capMs = Math.min(backoffMsMax, BACKOFF_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    return random() * capMs;
  }
}
