import { createHash } from 'node:crypto';
import { WebSocket } from 'ws';
import { connectText, demand, frameOf, newKeys, proof, type User } from './peer.ts';
import { Socket, WAIT_MS } from './socket.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
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
    socket.ws.send(frameOf(user, connectText(user.code, payload)));
    socket.ack = await socket.fromServer('connect_ack');
    return socket;
  }

  close(): void {
    for (const socket of this.#open) socket.ws.terminate();
  }
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
