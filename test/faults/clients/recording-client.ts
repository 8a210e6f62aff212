import WebSocket from 'ws';
import { type PlainUser, signHex } from '../../support/clients/users.ts';
import type { Connected } from '../checker/history.ts';
import type { Journal } from '../checker/journal.ts';
import type { Random } from '../random.ts';
import { answerPings } from './pongs.ts';
import { SendQueue } from './send-queue.ts';
import { dataOf, digestOf, readEnvelope, readServerWord, retryInMs, type ServerWord } from './wire.ts';

const LOGIN_TIMEOUT_MS = 4_000;
const BACKOFF_MS_MIN = 100;
/** Without an `id`, every so many envelopes to one recipient one has it, and settles those before it. */
const MARKER_EVERY = 8;
/** Well within the 64 envelopes that protocol 2 asks for. */
const ACK_EVERY = 16;

export interface RecordingClientOptions {
  readonly user: PlainUser;
  readonly protocol: 1 | 2;
  /** False: most envelopes have no `id`, and what is in doubt is not sent again. */
  readonly withIds: boolean;
  /** The URL of the next connection. */
  readonly dial: () => string;
  readonly journal: Journal;
  readonly random: Random;
  readonly attemptsMax?: number;
  readonly backoffMsMax?: number;
  /** Nothing heard for so long, or no answer to something sent: the connection is taken for dead. */
  readonly silenceMs?: number;
  /** See `PongOptions`. */
  readonly newestPongOnly?: boolean;
}

/**
 * A client as somebody else would write it from docs/protocol.md: `ws`, node:crypto, and nothing of ours. Reconnects
 * as the table of closes says, sends again what is in doubt, and writes down everything.
 */
export class RecordingClient {
  readonly user: PlainUser;
  readonly sendQueue: SendQueue;
  /** False: receipts are held back, as by a client that dies between receiving and confirming. */
  confirming = true;
  /** False after a 4409: a device that was replaced stays away. */
  comesBackWhenReplaced = false;
  /** Told after each login. */
  onConnected: () => void = () => undefined;
  /** Told of what the relay says on its own, before it is acted on. */
  onWord: (word: ServerWord) => void = () => undefined;
  /** Told of each envelope that has come in. */
  onArrival: () => void = () => undefined;
  readonly #options: RecordingClientOptions;
  readonly #numbers = new Map<string, number>();
  #order = 0;
  #ws: WebSocket | null = null;
  #connected: Connected | null = null;
  #loggedIn = false;
  #frames = 0;
  #heardAtMs = 0;
  #openedAtMs = 0;
  #failures = 0;
  #running = false;
  #reconnect: NodeJS.Timeout | null = null;
  /** Protocol 2: received and not acknowledged yet. */
  #unacked = 0;
  #lastSeq: string | null = null;

  constructor(options: RecordingClientOptions) {
    this.#options = options;
    this.user = options.user;
    this.sendQueue = new SendQueue({
      journal: options.journal,
      attemptsMax: options.attemptsMax ?? 64,
      retryDelayMs: () => options.random.integer(100, 400),
    });
  }

  get protocol(): 1 | 2 {
    return this.#options.protocol;
  }

  get withIds(): boolean {
    return this.#options.withIds;
  }

  get connected(): boolean {
    return this.#loggedIn;
  }

  /** Where it stands in the journal; null while it is not connected. */
  get connection(): Connected | null {
    return this.#connected;
  }

  get socket(): WebSocket | null {
    return this.#ws;
  }

  /** Why it stays away, if it does: the code of a close that forbids coming back. */
  staysAway: number | null = null;

  start(): void {
    this.#running = true;
    this.staysAway = null;
    if (this.#ws === null && this.#reconnect === null) this.#dial();
  }

  /** Leaves for good, in order. */
  stop(): void {
    this.#running = false;
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    this.#ack();
    this.#ws?.close(1000);
  }

  /** The connection is lost without a word; the client comes back as its back-off says. False if there was none. */
  cut(): boolean {
    if (this.#ws === null || this.#ws.readyState !== WebSocket.OPEN) return false;
    this.#ws.terminate();
    return true;
  }

  send(recipient: string, padBytes: number): void {
    const number = this.#numbers.get(recipient) ?? 0;
    const { withIds } = this.#options;
    this.#add(recipient, padBytes, withIds || number % MARKER_EVERY === MARKER_EVERY - 1);
  }

  /** Without ids: one more envelope to each recipient of whom something is unsettled. */
  sendMarkers(): void {
    for (const recipient of this.#numbers.keys()) {
      if (this.sendQueue.unsettled(recipient)) this.#add(recipient, 0, true);
    }
  }

  /** Called a few times a second. */
  tick(): void {
    const nowMs = performance.now();
    if (this.#loggedIn) {
      this.#ack();
      this.#pump();
      const { silenceMs = 8_000 } = this.#options;
      const waitingMs = nowMs - (this.sendQueue.waitingSinceMs ?? nowMs);
      if (nowMs - this.#heardAtMs > silenceMs || waitingMs > silenceMs) this.cut();
    } else if (nowMs - this.#openedAtMs > LOGIN_TIMEOUT_MS) {
      this.cut();
    }
  }

  #add(recipient: string, padBytes: number, withId: boolean): void {
    const { user, journal } = this.#options;
    const number = this.#numbers.get(recipient) ?? 0;
    this.#numbers.set(recipient, number + 1);
    this.#order += 1;
    const id = withId ? `e${this.#order}` : null;
    const data = dataOf({ sender: user.code, recipient, id, number, padBytes });
    const frame = this.#sign(data);
    const entry = journal.begin({ sender: user.code, recipient, number, digest: digestOf(frame) });
    this.sendQueue.add({ entry, frame, id, order: this.#order });
    if (this.#loggedIn) this.#pump();
  }

  #sign(data: string): string {
    return `{"data":${data},"signature":"${signHex(this.user, data)}"}`;
  }

  #dial(): void {
    this.#reconnect = null;
    const { protocol, journal, dial, newestPongOnly = false } = this.#options;
    const ws = new WebSocket(dial(), protocol === 2 ? ['relay.v2'] : [], {
      perMessageDeflate: false,
      autoPong: false,
      handshakeTimeout: LOGIN_TIMEOUT_MS,
    });
    this.#ws = ws;
    this.#frames = 0;
    this.#unacked = 0;
    this.#lastSeq = null;
    this.#openedAtMs = performance.now();
    ws.on('open', () => {
      this.#connected = journal.open(this.user.code);
      if (protocol === 1) this.#connect('');
    });
    ws.on('message', (bytes) => this.#receive(String(bytes)));
    answerPings(ws, {
      newestOnly: newestPongOnly,
      onPing: () => {
        this.#heardAtMs = performance.now();
        return this.confirming;
      },
    });
    // What it is about comes with `close`.
    ws.on('error', () => undefined);
    ws.on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  #connect(payload: string): void {
    const data = `{"sender":"${this.user.code}","message":{"type":"connect"${payload}}}`;
    this.#write(this.#sign(data));
  }

  #write(frame: string): void {
    this.#frames += 1;
    this.#ws?.send(frame);
  }

  #receive(text: string): void {
    this.#heardAtMs = performance.now();
    const word = readServerWord(text);
    if (word !== null) this.#hear(word);
    else this.#arrive(text);
  }

  #arrive(text: string): void {
    const { sender, recipient, number, seq, digest } = readEnvelope(text);
    this.#options.journal.arrive({
      receiver: this.user.code,
      connection: this.#connected?.connection ?? 0,
      sender,
      recipient,
      number,
      digest,
      seq,
      atMs: performance.now(),
    });
    if (seq !== null) {
      this.#lastSeq = seq;
      this.#unacked += 1;
      if (this.#unacked >= ACK_EVERY) this.#ack();
    }
    this.onArrival();
  }

  #hear(word: ServerWord): void {
    const { type, payload } = word;
    this.onWord(word);
    if (type === 'challenge') {
      this.#connect(`,"payload":{"nonce":"${payload.nonce}","audience":${JSON.stringify(payload.audience)}}`);
    } else if (type === 'connect_ack') {
      this.#loggedIn = true;
      this.#failures = 0;
      this.#pump();
      this.onConnected();
    } else if (type === 'accepted') {
      this.sendQueue.accepted(String(payload.id));
      this.#pump();
    } else if (type === 'error') {
      const code = String(payload.code);
      const retryAfterMs = typeof payload.retry_after_ms === 'number' ? payload.retry_after_ms : null;
      const waitedMs = this.sendQueue.failed({ code, frame: Number(payload.frame), retryAfterMs });
      this.#options.journal.error(code, waitedMs);
    }
  }

  #ack(): void {
    if (!this.confirming || this.#unacked === 0 || this.#ws?.readyState !== WebSocket.OPEN) return;
    this.#unacked = 0;
    this.#write(`{"ack":"${this.#lastSeq}"}`);
  }

  #pump(): void {
    while (this.#loggedIn && this.#ws?.readyState === WebSocket.OPEN) {
      const frame = this.sendQueue.next(this.#frames + 1);
      if (frame === null) return;
      this.#write(frame);
    }
  }

  #closed(code: number, reason: string): void {
    const { journal } = this.#options;
    if (this.#connected !== null) journal.close(this.#connected, code);
    this.#ws = null;
    this.#connected = null;
    this.#loggedIn = false;
    this.sendQueue.disconnected();
    if (!this.#running) return;
    const delayMs = this.#delayMs(code, reason);
    if (delayMs === null) this.staysAway = code;
    else this.#reconnect = setTimeout(() => this.#dial(), delayMs);
  }

  /** By the table of closes; null: not without a change. */
  #delayMs(code: number, reason: string): number | null {
    const { random, backoffMsMax = 3_000 } = this.#options;
    if (code === 1012) {
      const askedMs = retryInMs(reason);
      if (askedMs !== null) return askedMs;
    }
    if (code === 4409 && !this.comesBackWhenReplaced) return null;
    if ([1009, 4400, 4401].includes(code)) return null;
    const capMs = Math.min(backoffMsMax, BACKOFF_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    return random.next() * capMs;
  }
}
