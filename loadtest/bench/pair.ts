import { envelopeFrame } from '../../test/support/plain/frames.ts';
import type { PlainUser } from '../../test/support/plain/users.ts';
import { DIALECTS, dial } from '../dialects/dialects.ts';
import { ackFor, idOf } from '../support/frames.ts';
import { login, register, unregistered } from '../support/users.ts';
import type { Pairs } from './load.ts';

/** By protocol 2 every so many envelopes are confirmed; the relay waits for 256 at most. */
const ACK_EVERY = 32;
const SIGNED_AT_ONCE = 100;
/** As a relay says it: ours, and others. */
const ERRORS = ['"type":"error"', '"error":{'];

interface Sender {
  send(frame: string): void;
}

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
  readonly #sender: PlainUser;
  readonly #recipient: PlainUser;
  readonly errors: string[] = [];
  #from: Sender | null = null;
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
    const user = (at: string) => (dialect === null ? register(at) : unregistered());
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
    ends: { readonly route: Route; readonly sender: PlainUser; readonly recipient: PlainUser },
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
    const heard = (data: Buffer) => {
      if (ERRORS.some((error) => data.includes(error))) this.errors.push(data.toString());
    };
    const closed = (who: string) => (code: number) => this.errors.push(`${who} socket closed: ${code}`);
    if (name === null) {
      const sender = await login(from, this.#sender, { protocol, onFrame: heard });
      const onFrame = (data: Buffer, client: Sender) => this.#arrived(data, client);
      const recipient = await login(to, this.#recipient, { protocol, onFrame });
      sender.ws.on('close', closed("the sender's"));
      recipient.ws.on('close', closed("the recipient's"));
      this.#from = sender;
      return;
    }
    const dialect = DIALECTS[name];
    const sender = await dial(dialect, { url: from, user: this.#sender, onMessage: heard });
    const onMessage = (data: Buffer) => this.#arrived(data, null);
    const recipient = await dial(dialect, { url: to, user: this.#recipient, onMessage });
    sender.on('close', closed("the sender's"));
    recipient.on('close', closed("the recipient's"));
    this.#from = sender;
  }

  get ready(): number {
    return this.#frames.length;
  }

  /** In slices: a client that answers no ping for long is taken for dead. */
  async sign(envelopes: number): Promise<void> {
    const more: string[] = [];
    while (this.#frames.length + more.length < envelopes) {
      const { code: recipient } = this.#recipient;
      const id = `${this.#signed}`;
      const envelope = { recipient, id, payload: this.#payload };
      const frame = envelopeFrame(this.#sender, envelope);
      const { dialect } = this.#pairs;
      more.push(
        dialect === null
          ? frame
          : DIALECTS[dialect].wrap(frame, { sender: this.#sender.code, recipient, id }),
      );
      this.#signed += 1;
      if (this.#signed % SIGNED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
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

  #arrived(data: Buffer, client: Sender | null): void {
    const number = Number(idOf(data) ?? Number.NaN);
    const dueAtMs = this.#dueAtMs[number];
    if (dueAtMs === undefined) return;
    this.onReceived(performance.now() - dueAtMs);
    if (client !== null && this.#pairs.protocol === 2 && number % ACK_EVERY === ACK_EVERY - 1)
      client.send(ackFor(data));
  }
}
