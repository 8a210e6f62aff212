import type WebSocket from 'ws';
import { ackFor, idOf, User } from '../support/user.ts';
import { DIALECTS, dial } from './dialects.ts';
import type { Pairs } from './load.ts';

/** By protocol 2 every so many envelopes are confirmed; the relay waits for 256 at most. */
const ACK_EVERY = 32;

/** Where the sender connects, and where the recipient does. */
interface Route {
  readonly from: string;
  readonly to: string;
}

/** One sender and one recipient, each with a socket; frames are signed before they are needed. */
export class Pair {
  readonly #pairs: Pairs;
  readonly #route: Route;
  readonly #payload: string;
  readonly #sender: User;
  readonly #recipient: User;
  readonly errors: string[] = [];
  #from: WebSocket | null = null;
  /** Signed, oldest last, so that taking one costs the same however many there are. */
  #frames: string[] = [];
  /** When each envelope was due, by the number that is its id. Milliseconds of `performance.now`. */
  #dueAtMs: number[] = [];
  #signed = 0;
  #sent = 0;
  onReceived: (latencyMs: number) => void = () => undefined;

  static async open(pairs: Pairs, number: number): Promise<Pair> {
    const { urls, dialect } = pairs;
    const url = (of: number) => urls[of % urls.length] ?? '';
    const route = { from: url(number), to: url(number + 1) };
    const user = (at: string) => (dialect === null ? User.register(at) : User.unregistered());
    const pair = new Pair(pairs, {
      route,
      sender: await user(route.from),
      recipient: await user(route.to),
    });
    await pair.#login();
    return pair;
  }

  private constructor(
    pairs: Pairs,
    ends: { readonly route: Route; readonly sender: User; readonly recipient: User },
  ) {
    this.#pairs = pairs;
    this.#route = ends.route;
    this.#payload = 'A'.repeat(pairs.payloadBytes);
    this.#sender = ends.sender;
    this.#recipient = ends.recipient;
  }

  async #login(): Promise<void> {
    const { protocol, dialect: name } = this.#pairs;
    const { from, to } = this.#route;
    const dialect = name === null ? null : DIALECTS[name];
    const heard = (data: Buffer) => {
      if (data.includes('"type":"error"')) this.errors.push(data.toString());
    };
    this.#from =
      dialect === null
        ? await this.#sender.login({ url: from, protocol }, heard)
        : await dial(dialect, { url: from, user: this.#sender, onMessage: heard });
    this.#from.on('close', (code) => this.errors.push(`the sender's socket closed: ${code}`));
    const arrived = (data: Buffer, on: WebSocket | null) => this.#arrived(data, on);
    const socket =
      dialect === null
        ? await this.#recipient.login({ url: to, protocol }, arrived)
        : await dial(dialect, { url: to, user: this.#recipient, onMessage: (data) => arrived(data, null) });
    socket.on('close', (code) => this.errors.push(`the recipient's socket closed: ${code}`));
  }

  get ready(): number {
    return this.#frames.length;
  }

  sign(envelopes: number): void {
    const more: string[] = [];
    while (this.#frames.length + more.length < envelopes) {
      const message = { type: 'message', payload: this.#payload };
      const { code: recipient } = this.#recipient;
      const frame = this.#sender.envelope({ recipient, id: `${this.#signed}`, message });
      const { dialect } = this.#pairs;
      more.push(dialect === null ? frame : DIALECTS[dialect].wrap(frame, recipient));
      this.#signed += 1;
    }
    if (more.length > 0) this.#frames = [...more.reverse(), ...this.#frames];
  }

  /** False if all that was signed is sent. */
  send(dueAtMs: number): boolean {
    const next = this.#frames.pop();
    if (next === undefined) return false;
    this.#dueAtMs[this.#sent] = dueAtMs;
    this.#sent += 1;
    this.#from?.send(next);
    return true;
  }

  #arrived(data: Buffer, socket: WebSocket | null): void {
    const number = Number(idOf(data) ?? Number.NaN);
    const dueAtMs = this.#dueAtMs[number];
    if (dueAtMs === undefined) return;
    this.onReceived(performance.now() - dueAtMs);
    if (socket !== null && this.#pairs.protocol === 2 && number % ACK_EVERY === ACK_EVERY - 1)
      socket.send(ackFor(data));
  }
}
