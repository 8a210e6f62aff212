import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { connectText, connectText2 } from './envelopes.ts';

/**
 * A stranger's client: the `ws` package and node:crypto, nothing of ours, frames by concatenation.
 * What it shows, any client can do.
 */

export interface Keys {
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly eddsaPrivateKey: KeyObject;
  readonly ecdhPrivateKey: KeyObject;
}

export interface PlainUser extends Keys {
  readonly id: number;
  readonly code: string;
}

/** DER of a SubjectPublicKeyInfo ends with the 32 raw bytes, for both kinds of key. */
function rawHex(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
}

export function makeKeys(): Keys {
  const ecdh = generateKeyPairSync('x25519');
  const eddsa = generateKeyPairSync('ed25519');
  return {
    ecdhPublicKey: rawHex(ecdh.publicKey),
    eddsaPublicKey: rawHex(eddsa.publicKey),
    ecdhPrivateKey: ecdh.privateKey,
    eddsaPrivateKey: eddsa.privateKey,
  };
}

export function signHex(keys: Pick<Keys, 'eddsaPrivateKey'>, text: string | Uint8Array): string {
  return sign(null, Buffer.from(text), keys.eddsaPrivateKey).toString('hex');
}

/** The frame of `data`, the very text that is signed. */
export function frameOf(keys: Pick<Keys, 'eddsaPrivateKey'>, data: string): string {
  return `{"data":${data},"signature":"${signHex(keys, data)}"}`;
}

export function postUser(
  http: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${http}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export async function registerUser(http: string, keys: Keys = makeKeys()): Promise<PlainUser> {
  const body = { ecdh_public_key: keys.ecdhPublicKey, eddsa_public_key: keys.eddsaPublicKey };
  const response = await postUser(http, body);
  if (!response.ok) throw new Error(`registering failed: ${response.status} ${await response.text()}`);
  const user = (await response.json()) as { id: number; code: string };
  return { ...keys, id: user.id, code: user.code };
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface PlainClientOptions {
  readonly subprotocols?: readonly string[];
  readonly headers?: Record<string, string>;
  /** `ws` answers pings by itself; false leaves them unanswered, as a client that has crashed would. */
  readonly autoPong?: boolean;
}

const WAIT_MS = 10_000;

/** One socket. Keeps every text it received, in order. */
export class PlainClient {
  readonly ws: WebSocket;
  readonly received: string[] = [];
  readonly pings: string[] = [];
  /** Text frames sent: the number of the last one, as errors name it. */
  sent = 0;
  closed: Closed | null = null;
  /** Of the answer to the upgrade. */
  responseHeaders: Record<string, unknown> = {};
  readonly #changed = new Set<() => void>();

  constructor(url: string, options: PlainClientOptions = {}) {
    this.ws = new WebSocket(url, [...(options.subprotocols ?? [])], {
      headers: options.headers ?? {},
      perMessageDeflate: false,
      autoPong: options.autoPong ?? true,
    });
    this.ws.on('upgrade', (response) => {
      this.responseHeaders = response.headers;
    });
    this.ws.on('message', (data, isBinary) => {
      this.received.push(isBinary ? '(binary)' : String(data));
      this.#tell();
    });
    this.ws.on('ping', (data) => {
      this.pings.push(data.toString());
      this.#tell();
    });
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#tell();
    });
    this.ws.on('error', () => this.#tell());
  }

  static async open(url: string, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = new PlainClient(url, options);
    await once(client.ws, 'open');
    return client;
  }

  /** Opens a socket and logs in by protocol 1, as PROTOCOL 3 prints it. */
  static async login(url: string, user: PlainUser, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = await PlainClient.open(url, options);
    client.sendData(user, connectText(user.code));
    await client.until(() => client.received.length > 0);
    return client;
  }

  /** Opens a socket by protocol 2 and waits for its challenge. */
  static async challenged(url: string, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = await PlainClient.open(url, { ...options, subprotocols: ['relay.v2'] });
    await client.until(() => client.received.length > 0);
    return client;
  }

  /** Logs in by protocol 2, with the nonce and the audience of the challenge. */
  static async login2(url: string, user: PlainUser, options: PlainClientOptions = {}): Promise<PlainClient> {
    const client = await PlainClient.challenged(url, options);
    const { nonce, audience } = client.challenge();
    client.sendData(user, connectText2(user.code, nonce, audience));
    await client.until(() => client.received.length > 1);
    return client;
  }

  /** Protocol 2: what the relay asks, in its first frame. */
  challenge(): Challenge {
    return this.serverFrames[0]?.data.message.payload as unknown as Challenge;
  }

  send(frame: string): void {
    this.sent += 1;
    this.ws.send(frame);
  }

  /** What `send` sends goes into one TCP segment, as far as it fits: the relay reads it in one go. */
  inOneWrite(send: () => void): void {
    const { _socket: tcp } = this.ws as unknown as { _socket: { cork(): void; uncork(): void } };
    tcp.cork();
    send();
    tcp.uncork();
  }

  /** Sends `data`, signed by its sender, byte for byte. */
  sendData(keys: Pick<Keys, 'eddsaPrivateKey'>, data: string): void {
    this.send(frameOf(keys, data));
  }

  /** Everything received but what the relay says on its own. */
  get envelopes(): string[] {
    return this.received.filter((text) => !text.startsWith('{"data":{"sender":"server"'));
  }

  get serverFrames(): ServerFrame[] {
    return this.received
      .filter((text) => text.startsWith('{"data":{"sender":"server"'))
      .map((text) => JSON.parse(text) as ServerFrame);
  }

  errors(): ErrorPayload[] {
    return this.#payloads('error') as unknown as ErrorPayload[];
  }

  accepted(): string[] {
    return this.#payloads('accepted').map((payload) => String(payload.id));
  }

  /** Protocol 2: the seq of each envelope. */
  seqs(): string[] {
    return this.envelopes.map((text) => /,"seq":"([^"]+)"}$/.exec(text)?.[1] ?? '');
  }

  /** Protocol 2. */
  ack(seq: string): void {
    this.send(`{"ack":"${seq}"}`);
  }

  /** Resolves once so many envelopes have come. */
  async untilEnvelopes(count: number, waitMs = WAIT_MS): Promise<string[]> {
    await this.until(() => this.received.length >= count && this.envelopes.length >= count, waitMs);
    return this.envelopes;
  }

  /** Resolves with the payload of the next error that the relay sends. */
  async nextError(): Promise<ErrorPayload> {
    const known = this.errors().length;
    await this.until(() => this.errors().length > known);
    const error = this.errors()[known];
    if (error === undefined) throw new Error('no error came');
    return error;
  }

  #payloads(type: string): Record<string, unknown>[] {
    return this.serverFrames
      .filter((frame) => frame.data.message.type === type)
      .map((frame) => frame.data.message.payload ?? {});
  }

  /** Resolves when `condition` holds; rejects with what was received, after 10 s or as told. */
  async until(condition: () => boolean, waitMs = WAIT_MS): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!condition()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) {
        const last = this.received.slice(-5).join('\n');
        throw new Error(
          `not within ${waitMs} ms; closed: ${JSON.stringify(this.closed)}; last received:\n${last}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#changed.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async untilClosed(waitMs = WAIT_MS): Promise<Closed> {
    await this.until(() => this.closed !== null, waitMs);
    if (this.closed === null) throw new Error('not closed');
    return this.closed;
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.untilClosed();
  }

  /** Cuts the TCP connection, as a network does: no close frame. */
  async cut(): Promise<void> {
    this.ws.terminate();
    await this.untilClosed();
  }

  #tell(): void {
    const waiting = [...this.#changed];
    this.#changed.clear();
    for (const resolve of waiting) resolve();
  }
}

export interface ServerFrame {
  readonly data: {
    readonly sender: 'server';
    readonly recipient?: string;
    readonly message: { readonly type: string; readonly payload?: Record<string, unknown> };
  };
}

export interface Challenge {
  readonly nonce: string;
  readonly audience: string | null;
}

export interface ErrorPayload {
  readonly code: string;
  readonly detail: string;
  readonly frame: number;
  readonly id?: string;
  readonly retry_after_ms?: number;
}
