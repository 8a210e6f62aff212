import type WebSocket from 'ws';
import { ackFor, type Dial, idOf, User } from '../support/user.ts';
import type { Ledger } from './ledger.ts';

/** Protocol 2: confirms after so many, or after a second. */
const ACK_EVERY = 32;
const BACK_OFF_MS = [200, 400, 800, 1_600, 3_000];

interface Underway {
  readonly number: number;
  readonly frame: string;
  readonly dueAtMs: number;
  readonly stage: number;
  accepted: boolean;
}

interface CoupleOptions {
  readonly from: Dial;
  readonly to: Dial;
  readonly payloadBytes: number;
  readonly ledger: Ledger;
}

/**
 * One user who writes and one who reads. Behaves as a good client does: sends again, with the same id, what was not
 * accepted before a connection ended; comes back by itself; counts what is repeated or out of order.
 */
export class Couple {
  readonly #options: CoupleOptions;
  readonly #sender: User;
  readonly #recipient: User;
  readonly #payload: string;
  /** By id, in the order of sending, until received or refused. */
  readonly #underway = new Map<string, Underway>();
  #next: { readonly id: string; readonly number: number; readonly frame: string };
  #number = 0;
  #highestReceived = -1;
  #from: WebSocket | null = null;
  #to: WebSocket | null = null;
  /** Whether the recipient should be connected. */
  #recipientWanted = true;
  #ended = false;
  #unconfirmed: Buffer | null = null;
  #unconfirmedCount = 0;

  static async open(options: CoupleOptions): Promise<Couple> {
    const couple = new Couple(options, {
      sender: await User.register(options.from.url),
      recipient: await User.register(options.to.url),
    });
    await Promise.all([couple.#connectSender(), couple.#connectRecipient()]);
    return couple;
  }

  private constructor(options: CoupleOptions, users: { readonly sender: User; readonly recipient: User }) {
    this.#options = options;
    this.#sender = users.sender;
    this.#recipient = users.recipient;
    this.#payload = 'A'.repeat(options.payloadBytes);
    this.#next = this.#sign();
  }

  /** Both are where they should be. */
  get settled(): boolean {
    return this.#from !== null && (this.#to !== null || !this.#recipientWanted);
  }

  /** Accepted by the relay and never received: broken promises. */
  get missing(): number {
    return [...this.#underway.values()].filter(({ accepted }) => accepted).length;
  }

  /** When the oldest that is on its way was due; Infinity if none is. */
  get oldestUnderwayMs(): number {
    const [oldest] = this.#underway.values();
    return oldest?.dueAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** The next envelope, signed beforehand. Waits for the connection if there is none. */
  send(dueAtMs: number, stage: number): void {
    const { id, number, frame } = this.#next;
    this.#underway.set(id, { number, frame, dueAtMs, stage, accepted: false });
    this.#options.ledger.due(stage);
    this.#from?.send(frame);
    this.#next = this.#sign();
  }

  /** Without a close frame, as when a network goes away. */
  cut(): void {
    this.#from?.terminate();
    this.#to?.terminate();
  }

  leave(): void {
    this.#recipientWanted = false;
    this.#to?.close();
  }

  return(): void {
    this.#recipientWanted = true;
    if (this.#to === null) void this.#connectRecipient();
  }

  /** About once a second. */
  tick(): void {
    this.#confirm();
  }

  end(): void {
    this.#ended = true;
    this.#from?.close();
    this.#to?.close();
  }

  #sign(): { readonly id: string; readonly number: number; readonly frame: string } {
    const number = this.#number++;
    const id = `${number}`;
    const message = { type: 'message', payload: this.#payload };
    return { id, number, frame: this.#sender.envelope({ recipient: this.#recipient.code, id, message }) };
  }

  async #connectSender(): Promise<void> {
    const { from } = this.#options;
    const socket = await this.#login(this.#sender, from, (data) => this.#answered(data));
    if (socket === null) return;
    this.#from = socket;
    this.#watch(socket, () => {
      this.#from = null;
      if (!this.#ended) void this.#connectSender();
    });
    for (const { accepted, frame } of this.#underway.values()) if (!accepted) socket.send(frame);
  }

  async #connectRecipient(): Promise<void> {
    const { to } = this.#options;
    const socket = await this.#login(this.#recipient, to, (data) => this.#arrived(data));
    if (socket === null) return;
    this.#to = socket;
    this.#watch(socket, () => {
      this.#to = null;
      this.#unconfirmed = null;
      if (!this.#ended && this.#recipientWanted) void this.#connectRecipient();
    });
    if (!this.#recipientWanted) socket.close();
  }

  /** Tries until it is in; null if the end came first. */
  async #login(user: User, dial: Dial, onMessage: (data: Buffer) => void): Promise<WebSocket | null> {
    for (let attempt = 0; !this.#ended; attempt += 1) {
      try {
        return await user.login(dial, onMessage);
      } catch (error) {
        if (attempt === 0) this.#options.ledger.refusedLogins.add(String(error));
        const backOffMs = BACK_OFF_MS[Math.min(attempt, BACK_OFF_MS.length - 1)] ?? 0;
        await new Promise((resolve) => setTimeout(resolve, backOffMs * Math.random()));
      }
    }
    return null;
  }

  #watch(socket: WebSocket, onClose: () => void): void {
    const { ledger } = this.#options;
    ledger.connected += 1;
    socket.once('close', (code) => {
      ledger.connected -= 1;
      // 1005 and 1006 without a word of the relay are our own closing and cutting.
      if (code !== 1005 && code !== 1006) ledger.closed(code);
      onClose();
    });
  }

  /** What the relay says to the sender. */
  #answered(data: Buffer): void {
    const { message } = JSON.parse(data.toString()).data;
    const envelope = this.#underway.get(message.payload?.id);
    if (envelope === undefined) return;
    if (message.type === 'accepted') envelope.accepted = true;
    else if (message.type === 'error') {
      this.#underway.delete(message.payload.id);
      this.#options.ledger.refused(envelope.stage, message.payload.code);
    }
  }

  #arrived(data: Buffer): void {
    const id = idOf(data);
    if (id === null) return;
    const { ledger, to } = this.#options;
    if (to.protocol === 2) {
      this.#unconfirmed = data;
      this.#unconfirmedCount += 1;
      if (this.#unconfirmedCount >= ACK_EVERY) this.#confirm();
    }
    const envelope = this.#underway.get(id);
    if (envelope === undefined) {
      ledger.repeats += 1;
      return;
    }
    this.#underway.delete(id);
    if (envelope.number < this.#highestReceived) ledger.inversions += 1;
    this.#highestReceived = Math.max(this.#highestReceived, envelope.number);
    ledger.received(envelope.stage, performance.now() - envelope.dueAtMs);
  }

  #confirm(): void {
    if (this.#unconfirmed === null) return;
    this.#to?.send(ackFor(this.#unconfirmed));
    this.#unconfirmed = null;
    this.#unconfirmedCount = 0;
  }
}
