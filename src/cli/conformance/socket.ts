import type { WebSocket } from 'ws';
import { demand, frameOf, idOf, same, type User } from './peer.ts';

/** Of everything that is waited for: only a hang, or a relay that does not answer, takes so long. */
export const WAIT_MS = 15_000;
/** After something that must have no answer. */
const QUIET_MS = 400;

export interface FromServer {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

const DELIVERED =
  /^\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"(?:,"seq":"([^"]*)"(?:,"tries":\d+)?)?\}$/s;

/** One connection. */
export class Socket {
  readonly ws: WebSocket;
  readonly #frames: string[] = [];
  readonly pings: string[] = [];
  answersPings = true;
  closed: Closed | null = null;
  ack: FromServer = { type: '', payload: {} };
  readonly opened: Promise<void>;
  #changed = () => {};

  constructor(ws: WebSocket) {
    this.ws = ws;
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    ws.on('message', (bytes) => {
      this.#frames.push(String(bytes));
      this.#changed();
    });
    ws.on('ping', (bytes) => {
      this.pings.push(String(bytes));
      if (this.answersPings) ws.pong(bytes);
      this.#changed();
    });
    ws.on('error', () => {});
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#changed();
    });
  }

  async challenge(): Promise<{ readonly nonce: string; readonly audience: unknown }> {
    const { payload } = await this.fromServer('challenge');
    return { nonce: String(payload.nonce), audience: payload.audience };
  }

  /** The next frame, whatever it is. */
  async next(what = 'a frame'): Promise<string> {
    await this.#until(() => this.#frames.length > 0, what);
    return this.#frames.shift() ?? '';
  }

  /** The next frame, which has to be the relay's own and of this type. */
  async fromServer(type: string): Promise<FromServer> {
    const text = await this.next(`\`${type}\``);
    const read = readServer(text);
    demand(read?.type === type, `${clip(text)} came where \`${type}\` was due`);
    return read;
  }

  /** The next envelope: D and signature, byte for byte, and its seq. */
  async envelope(): Promise<{
    readonly data: string;
    readonly signature: string;
    readonly seq: string | null;
  }> {
    const text = await this.next('an envelope');
    const [, data = '', signature = '', seq = null] = DELIVERED.exec(text) ?? [];
    demand(data !== '', `${clip(text)} is not {"data":D,"signature":"<128 lower-case hex>"…}`);
    return { data, signature, seq };
  }

  /** Sends an envelope and waits for its `accepted`. */
  async deliver(user: User, data: string): Promise<void> {
    this.ws.send(frameOf(user, data));
    const { payload } = await this.fromServer('accepted');
    same('the id of `accepted`', payload.id, idOf(data));
  }

  /** The next frame is an error with this code. */
  async refused(code: string): Promise<Record<string, unknown>> {
    const { payload } = await this.fromServer('error');
    demand(payload.code === code, `the error is ${String(payload.code)}, and should be ${code}`);
    return payload;
  }

  async closedWith(code: number): Promise<Closed> {
    await this.#until(() => this.closed !== null, `a close with ${code}`);
    const closed = this.closed ?? { code: 0, reason: '' };
    demand(closed.code === code, `it closed with ${closed.code}, and should with ${code}`);
    return closed;
  }

  async pinged(count: number): Promise<void> {
    await this.#until(() => this.pings.length >= count, 'a ping');
  }

  /** Nothing comes, and the socket stays open. */
  async quiet(what: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    demand(this.#frames.length === 0, `${clip(this.#frames[0] ?? '')} came, although ${what}`);
    demand(this.closed === null, `it closed with ${this.closed?.code}, although ${what}`);
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!holds()) {
      demand(
        this.closed === null || what.startsWith('a close'),
        `it closed with ${this.closed?.code} instead of ${what}`,
      );
      const leftMs = deadline - performance.now();
      demand(leftMs > 0, `${what} did not come within ${WAIT_MS / 1000} s`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        setTimeout(resolve, Math.min(leftMs, 100));
      });
    }
  }
}

function readServer(text: string): FromServer | null {
  try {
    const { data } = JSON.parse(text) as {
      data: { sender: string; message: { type: string; payload?: object } };
    };
    return data.sender === 'server'
      ? { type: data.message.type, payload: { ...data.message.payload } }
      : null;
  } catch {
    return null;
  }
}

function clip(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
