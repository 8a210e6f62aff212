import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { WebSocket } from 'ws';

/*
 * A client as docs/protocol.md describes it, by node:crypto and ws alone: it shares no code with the relay or the SDK, so
 * that a mistake in what they share cannot hide.
 */

/** Of everything that is waited for: only a hang, or a relay that does not answer, takes so long. */
const WAIT_MS = 15_000;
/** After something that must have no answer. */
const QUIET_MS = 400;

/** What the relay did that docs/protocol.md does not allow. */
export class Nonconforming extends Error {}

export function demand(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Nonconforming(words);
}

export function same(what: string, got: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(got), JSON.stringify(expected)];
  demand(is === should, `${what} is ${is}, and should be ${should}`);
}

/** Two key pairs, and the code once they are registered. */
export interface Keys {
  readonly ed25519: KeyObject;
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
}

export function newKeys(): Keys {
  const signing = generateKeyPairSync('ed25519').privateKey;
  return { ed25519: signing, eddsaPublicKey: publicHex(signing), ecdhPublicKey: newExchangeKey() };
}

export function newExchangeKey(): string {
  return publicHex(generateKeyPairSync('x25519').privateKey);
}

function publicHex(key: KeyObject): string {
  const pem = key.export({ format: 'pem', type: 'pkcs8' });
  return createPublicKey(createPrivateKey(pem))
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('hex');
}

export function signature(keys: Keys, text: string): string {
  return sign(null, Buffer.from(text), keys.ed25519).toString('hex');
}

export function proof(keys: Keys, ecdhPublicKey = keys.ecdhPublicKey): string {
  return signature(keys, `relay-register:${ecdhPublicKey}:${keys.eddsaPublicKey}`);
}

export function frameOf(keys: Keys, data: string): string {
  return `{"data":${data},"signature":"${signature(keys, data)}"}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export interface User extends Keys {
  readonly code: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface FromServer {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The relay under test. */
export class Target {
  readonly http: string;
  /** What is dialled, and signed. */
  readonly socket: string;
  readonly #open = new Set<Socket>();

  constructor(url: string) {
    this.http = new URL(url).origin;
    this.socket = `${this.http.replace(/^http/, 'ws')}/ws`;
  }

  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${this.http}${path}`, { ...init, signal: AbortSignal.timeout(WAIT_MS) });
    const text = await response.text();
    let body: unknown = {};
    try {
      body = JSON.parse(text);
    } catch {}
    return { status: response.status, headers: response.headers, body: { ...(body as object) } };
  }

  post(body: object | string, type = 'application/json'): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.ask('/users', { method: 'POST', headers: { 'content-type': type }, body: text });
  }

  async user(): Promise<User> {
    const keys = newKeys();
    const { eddsaPublicKey, ecdhPublicKey } = keys;
    const request = { ecdh_public_key: ecdhPublicKey, eddsa_public_key: eddsaPublicKey, proof: proof(keys) };
    let { status, body } = await this.post(request);
    if (status === 428) ({ status, body } = await this.post({ ...request, work: workFor(body) }));
    demand(status === 201, `a registration was answered with ${status} ${JSON.stringify(body)}`);
    return { ...keys, code: String(body.code) };
  }

  async dial(subprotocols: readonly string[] = []): Promise<Socket> {
    const socket = new Socket(
      new WebSocket(this.socket, [...subprotocols], { perMessageDeflate: false, autoPong: false }),
    );
    this.#open.add(socket);
    await socket.opened;
    return socket;
  }

  /** Logged in. `answersPings` false: as a client that dies before it has answered one. */
  async login(user: User, protocol: 1 | 2, { answersPings = true } = {}): Promise<Socket> {
    const socket = await this.dial(protocol === 2 ? ['relay.v2'] : []);
    socket.answersPings = answersPings;
    const payload =
      protocol === 2 ? { nonce: (await socket.challenge()).nonce, audience: this.socket } : undefined;
    socket.send(frameOf(user, connectText(user.code, payload)));
    socket.ack = await socket.fromServer('connect_ack');
    return socket;
  }

  close(): void {
    for (const socket of this.#open) socket.drop();
  }
}

export function connectText(code: string, payload?: object): string {
  return JSON.stringify({ sender: code, message: { type: 'connect', ...(payload && { payload }) } });
}

let nextId = 0;

/** The data of an envelope, written by hand. */
export function envelope(
  from: User,
  to: string,
  payload: string,
  changes: { type?: string; id?: string } = {},
): string {
  const { type = 'note', id = `c-${process.pid}-${nextId++}` } = changes;
  return `{"sender":"${from.code}","recipient":"${to}","id":"${id}","message":{"type":"${type}","payload":${payload}}}`;
}

export function idOf(data: string): string {
  return (JSON.parse(data) as { id: string }).id;
}

const DELIVERED =
  /^\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"(?:,"seq":"([^"]*)"(?:,"tries":\d+)?)?\}$/s;

/** One connection. */
export class Socket {
  readonly #ws: WebSocket;
  readonly #frames: string[] = [];
  readonly pings: string[] = [];
  answersPings = true;
  closed: Closed | null = null;
  ack: FromServer = { type: '', payload: {} };
  readonly opened: Promise<void>;
  #changed = () => {};

  constructor(ws: WebSocket) {
    this.#ws = ws;
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

  get subprotocol(): string {
    return this.#ws.protocol;
  }

  send(frame: string | Buffer): void {
    this.#ws.send(frame);
  }

  pong(text: string): void {
    this.#ws.pong(text);
  }

  drop(): void {
    this.#ws.terminate();
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
    this.send(frameOf(user, data));
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

/** Work for a registration, docs/protocol.md section 1. */
function workFor({ challenge, bits }: Record<string, unknown>): string {
  demand(Number(bits) <= 26, `a registration is asked for ${bits} bits of work`);
  for (let nonce = 0; ; nonce += 1) {
    const work = `${challenge}.${nonce}`;
    const hash = createHash('sha256').update(work).digest('hex');
    if (BigInt(`0x${hash}`) >> BigInt(256 - Number(bits)) === 0n) return work;
  }
}
