import { WebSocket } from 'ws';
import { until } from '../until.ts';

interface Frame {
  readonly data?: {
    readonly id?: string;
    readonly recipient?: string;
    readonly message?: { readonly type?: string; readonly payload?: { id?: string } };
  };
  readonly seq?: string;
  readonly ack?: string;
}

const QUIET_MS = 300;

/** One login of a client by protocol 2, watched at its socket. Pass `WebSocket` to the SDK, of whatever version. */
export class Visit {
  readonly WebSocket: unknown;
  #drained = false;
  #newest = '';
  #acknowledged = '';
  readonly #undecided = new Set<string>();
  #envelopes = 0;
  /** Sent to the relay itself. */
  commands = 0;
  #lastMs = 0;

  constructor() {
    const sent = (frame: Frame) => this.#sent(frame);
    const received = (frame: Frame) => this.#received(frame);
    this.WebSocket = class extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        super.on('message', (bytes) => received(JSON.parse(String(bytes)) as Frame));
      }
      override send(text: string): void {
        sent(JSON.parse(text) as Frame);
        super.send(text);
      }
    };
  }

  /**
   * Until the client has handled all that waited, and the relay has stored or carried out all that it sent: at least so many
   * envelopes and commands.
   */
  async done(envelopes: number, commands = 0): Promise<void> {
    const isDone = () =>
      this.#drained &&
      this.#acknowledged === this.#newest &&
      this.#undecided.size === 0 &&
      this.#envelopes >= envelopes &&
      this.commands >= commands;
    // It may have one thing to say after the other.
    const isQuiet = () => isDone() && performance.now() - this.#lastMs > QUIET_MS;
    await until(isQuiet, { what: 'the visit to be over' });
  }

  #sent({ data, ack }: Frame): void {
    this.#lastMs = performance.now();
    if (ack !== undefined) this.#acknowledged = ack;
    if (data?.id === undefined) return;
    this.#undecided.add(data.id);
    if (data.recipient === 'server') this.commands += 1;
    else this.#envelopes += 1;
  }

  #received({ data, seq }: Frame): void {
    this.#lastMs = performance.now();
    if (seq !== undefined) this.#newest = seq;
    if (data?.message?.type === 'drained') this.#drained = true;
    if (data?.message?.type === 'accepted') this.#undecided.delete(data.message.payload?.id ?? '');
  }
}
