import type WebSocket from 'ws';
import type { RawData } from 'ws';
import { commandText } from '../../support/plain/commands.ts';
import {
  ackFrame,
  envelopeFrame,
  frameOf,
  readServerMessage,
  type ServerMessage,
} from '../../support/plain/frames.ts';
import type { PlainClient } from '../../support/plain/plain-client.ts';
import { ReconnectingClient } from '../../support/plain/reconnecting-client.ts';
import type { PlainUser } from '../../support/plain/users.ts';
import type { Random } from '../../support/random.ts';
import type { Connected } from '../checker/history.ts';
import type { Journal } from '../checker/journal.ts';
import { digestOf, readEnvelope } from './envelopes.ts';
import { SendQueue } from './send-queue.ts';

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
  /** How long opening and logging in may take, ms. Default: 4 s. */
  readonly loginMs?: number;
  /** Of several pings that came together it answers the newest, as RFC 6455, 5.5.3 allows. */
  readonly newestPongOnly?: boolean;
}

/** A plain client that comes back, sends again what is in doubt, and writes down everything. */
export class RecordingClient {
  readonly user: PlainUser;
  readonly sendQueue: SendQueue;
  /** Called after each login. */
  onConnected: () => void = () => undefined;
  /** Called with what the relay itself says, before it is acted on. */
  onServerMessage: (message: ServerMessage) => void = () => undefined;
  /** Called for each envelope that has come in. */
  onArrival: () => void = () => undefined;
  readonly #options: RecordingClientOptions;
  readonly #client: ReconnectingClient;
  readonly #numbers = new Map<string, number>();
  /** Commands without an answer, by id. */
  readonly #commands = new Map<string, (carriedOut: boolean) => void>();
  #order = 0;
  #connection: Connected | null = null;
  #confirming = true;
  /** Protocol 2: received and not acknowledged yet. */
  #unacked = 0;
  #lastSeq = '';

  constructor(options: RecordingClientOptions) {
    const { user, journal, random, protocol, backoffMsMax, loginMs, newestPongOnly = false } = options;
    this.#options = options;
    this.user = user;
    this.sendQueue = new SendQueue({
      journal,
      attemptsMax: options.attemptsMax ?? 64,
      retryDelayMs: () => random.integer(100, 400),
    });
    this.#client = new ReconnectingClient({
      user,
      protocol,
      dial: options.dial,
      random: () => random.next(),
      ...(backoffMsMax === undefined ? {} : { backoffMsMax }),
      ...(loginMs === undefined ? {} : { waitMs: loginMs }),
      pongs: newestPongOnly ? 'newest' : 'all',
      keep: false,
      onOpen: () => {
        this.#connection = journal.open(user.code);
        this.#unacked = 0;
      },
      onLogin: () => {
        this.#pump();
        this.onConnected();
      },
      onFrame: (frame) => this.#receive(frame),
      onClosed: ({ code }) => {
        if (this.#connection !== null) journal.close(this.#connection, code);
        this.#connection = null;
        this.sendQueue.disconnected();
        for (const id of this.#commands.keys()) this.#answer(id, false);
      },
    });
  }

  get protocol(): 1 | 2 {
    return this.#options.protocol;
  }

  get withIds(): boolean {
    return this.#options.withIds;
  }

  get connected(): boolean {
    return this.#client.loggedIn;
  }

  /** Where it stands in the journal; null while it is not connected. */
  get connection(): Connected | null {
    return this.#connection;
  }

  get socket(): WebSocket | null {
    return this.#client.client?.ws ?? null;
  }

  /** The code of a close that forbids coming back; null while it may. */
  get staysAway(): number | null {
    return this.#client.staysAway;
  }

  /** False after a 4409: a device that was replaced stays away. */
  set comesBackWhenReplaced(comesBack: boolean) {
    this.#client.comesBackWhenReplaced = comesBack;
  }

  /** False: receipts are held back, as by a client that dies between receiving and confirming. */
  set confirming(confirming: boolean) {
    this.#confirming = confirming;
    this.#client.answersPings = confirming;
  }

  start(): void {
    this.#client.start();
  }

  /** Leaves for good, in order. */
  stop(): void {
    this.#ack();
    this.#client.stop();
  }

  /** The connection is lost without a word; the client comes back as its back-off says. False if there was none. */
  cut(): boolean {
    return this.#client.cut();
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

  /** Protocol 2: a command to the relay. True once it is carried out; false if it was refused, or the connection is gone. */
  command(verb: string, payload: object): Promise<boolean> {
    const client = this.#loggedIn;
    if (client === null) return Promise.resolve(false);
    this.#order += 1;
    const id = `c${this.#order}`;
    return new Promise((resolve) => {
      this.#commands.set(id, resolve);
      client.send(frameOf(this.user, commandText(this.user.code, verb, payload, id)));
    });
  }

  /** Called a few times a second. */
  tick(): void {
    const client = this.#loggedIn;
    if (client === null) return;
    this.#ack();
    this.#pump();
    const nowMs = performance.now();
    const { silenceMs = 8_000 } = this.#options;
    const waitingMs = nowMs - (this.sendQueue.waitingSinceMs ?? nowMs);
    if (nowMs - client.heardAtMs > silenceMs || waitingMs > silenceMs) this.cut();
  }

  /** The open socket of a session; null between two. */
  get #loggedIn(): PlainClient | null {
    const { client } = this.#client;
    return client?.loggedIn === true && client.ws.readyState === client.ws.OPEN ? client : null;
  }

  #add(recipient: string, padBytes: number, withId: boolean): void {
    const { user, journal } = this.#options;
    const number = this.#numbers.get(recipient) ?? 0;
    this.#numbers.set(recipient, number + 1);
    this.#order += 1;
    const id = withId ? `e${this.#order}` : null;
    const payload = { n: number, pad: '.'.repeat(padBytes) };
    const frame = envelopeFrame(user, { recipient, payload, ...(id === null ? {} : { id }) });
    const entry = journal.begin({ sender: user.code, recipient, number, digest: digestOf(frame) });
    this.sendQueue.add({ entry, frame, id, order: this.#order });
    this.#pump();
  }

  #receive(frame: RawData): void {
    const text = String(frame);
    const message = readServerMessage(text);
    if (message !== null) this.#hear(message);
    else this.#arrive(text);
  }

  #arrive(text: string): void {
    const { sender, recipient, number, seq, digest } = readEnvelope(text);
    this.#options.journal.arrive({
      receiver: this.user.code,
      connection: this.#connection?.connection ?? 0,
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

  #hear(message: ServerMessage): void {
    const { type, payload } = message;
    this.onServerMessage(message);
    if (type === 'accepted' || type === 'error') this.#answer(String(payload.id), type === 'accepted');
    if (type === 'accepted') {
      this.sendQueue.accepted(String(payload.id));
      this.#pump();
    } else if (type === 'error') {
      const code = String(payload.code);
      const retryAfterMs = typeof payload.retry_after_ms === 'number' ? payload.retry_after_ms : null;
      const waitedMs = this.sendQueue.failed({ code, frame: Number(payload.frame), retryAfterMs });
      this.#options.journal.error(code, waitedMs);
    }
  }

  #answer(id: string, carriedOut: boolean): void {
    this.#commands.get(id)?.(carriedOut);
    this.#commands.delete(id);
  }

  #ack(): void {
    if (!this.#confirming || this.#unacked === 0) return;
    this.#unacked = 0;
    this.#loggedIn?.send(ackFrame(this.#lastSeq));
  }

  #pump(): void {
    for (let client = this.#loggedIn; client !== null; client = this.#loggedIn) {
      const frame = this.sendQueue.next(client.sent + 1);
      if (frame === null) return;
      client.send(frame);
    }
  }
}
