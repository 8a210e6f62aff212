import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What a relay knows of a user. */
export interface KnownUser {
  readonly code: string;
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
}

/**
 * A relay under a test's control, which does what an honest one never would. It answers
 * over HTTP as a relay does, challenges and welcomes; everything else is the test's.
 */
export class HostileRelay {
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #users = new Map<string, KnownUser>();
  /** What clients have sent, after their `connect`. */
  readonly received: string[] = [];
  /** Times that the HTTP side was asked. */
  lookups = 0;
  /** The audience that challenges name. */
  audience: string | null = null;
  /** What is chosen of the subprotocols offered. */
  subprotocol: string | false = 'relay.v2';
  /** Called after `connect_ack` on each socket. */
  onLogin: (socket: WebSocket) => void = () => {};
  /** Called for each frame after the login. */
  onFrame: (socket: WebSocket, frame: string) => void = () => {};
  #next = 0;

  private constructor() {
    this.#http = createServer((request, response) => this.#answer(request, response));
    this.#sockets = new WebSocketServer({
      server: this.#http,
      path: '/ws',
      handleProtocols: () => this.subprotocol,
    });
    this.#sockets.on('connection', (socket) => this.#greet(socket));
  }

  static async start(): Promise<HostileRelay> {
    const relay = new HostileRelay();
    await new Promise<void>((resolve) => relay.#http.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  /** Puts a user, or other keys for a code, into the directory. */
  know(user: KnownUser): void {
    this.#users.set(user.code, user);
  }

  /** Sends a frame to all connected clients. */
  say(frame: string): void {
    for (const socket of this.#sockets.clients) socket.send(frame);
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#sockets.clients) socket.close(code, reason);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #greet(socket: WebSocket): void {
    let welcomed = false;
    const payload = { nonce: 'ab'.repeat(32), audience: this.audience };
    socket.send(fromServer('challenge', payload));
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      const frame = String(bytes);
      if (welcomed) {
        this.received.push(frame);
        this.onFrame(socket, frame);
        return;
      }
      welcomed = true;
      socket.send(fromServer('connect_ack', {}));
      this.onLogin(socket);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'POST') {
      this.lookups += 1;
      const user = this.#users.get(request.url?.slice('/users/'.length) ?? '');
      response.writeHead(user === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(user === undefined ? '{}' : JSON.stringify(userJson(user)));
      return;
    }
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const { ecdh_public_key, eddsa_public_key } = JSON.parse(body) as Record<string, string>;
      const code = `A00000${this.#next++}`;
      const user = { code, ecdhPublicKey: ecdh_public_key ?? '', eddsaPublicKey: eddsa_public_key ?? '' };
      this.know(user);
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify(userJson(user)));
    });
  }
}

export function fromServer(type: string, payload: object): string {
  return JSON.stringify({ data: { sender: 'server', message: { type, payload } } });
}

function userJson({ code, ecdhPublicKey, eddsaPublicKey }: KnownUser): object {
  return {
    id: 1,
    code,
    name: null,
    ecdh_public_key: ecdhPublicKey,
    eddsa_public_key: eddsaPublicKey,
    created_at: '2026-01-01T00:00:00.000000Z',
  };
}
