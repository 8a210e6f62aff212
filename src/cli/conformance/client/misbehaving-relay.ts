import { randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { demand, newKeys, proof, type User } from '../peer.ts';
import { type FromClient, type Known, Partner } from './partner.ts';
import { readJson } from './program.ts';

const FRAME_BYTES_MAX = 65_536;
const CONNECT = /^\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"\}$/s;

/** How the relay treats what the client sends. */
export type Treatment = 'pass' | 'swallow' | 'refuse' | 'cut';

/** A login that the client has tried. */
export interface LoginTry {
  readonly payload: unknown;
  readonly signed: boolean;
}

/** A relay with two users: the client under test, and its partner. A case chooses how it misbehaves. */
export class MisbehavingRelay {
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'relay.v2' });
  #client: (Known & { readonly body: Readonly<Record<string, string>> }) | null = null;
  #live: WebSocket | null = null;
  readonly #mailbox: { readonly seq: string; readonly frame: string }[] = [];
  #seq = 0;
  /** Null: the URL that was dialled. */
  audience: string | null = null;
  /** What `GET /users/:code` says of the partner. */
  directory: User;
  treatment: Treatment = 'pass';
  /** Sockets that the client has opened. */
  dials = 0;
  /** Of the newest challenge. */
  nonce = '';
  readonly partner: Partner;
  readonly logins: LoginTry[] = [];
  /** Envelopes to the partner, in the order of arrival, repetitions too. */
  readonly sent: (FromClient & { readonly frame: string })[] = [];
  readonly acks: string[] = [];

  private constructor(server: Server, code: string) {
    this.#http = server;
    const user = { ...newKeys(), code };
    this.directory = user;
    this.partner = new Partner(user, () => this.client, this.socketUrl);
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#greet(ws));
    });
  }

  /** @param code of the partner */
  static async open(code: string): Promise<MisbehavingRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new MisbehavingRelay(server, code);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get socketUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}/ws`;
  }

  get client(): Known {
    demand(this.#client !== null, 'the client has not registered');
    return this.#client;
  }

  /** Whether the client is logged in. */
  get isLive(): boolean {
    return this.#live !== null;
  }

  /** Puts an envelope of the partner into the client's mailbox. */
  deliver(data: string, frame = this.partner.frame(data)): void {
    this.#seq += 1;
    const entry = { seq: `${this.#seq}`, frame };
    this.#mailbox.push(entry);
    this.#push(entry);
  }

  /** Ends the connection without a word, or with a close code. */
  cut(code?: number, reason = ''): void {
    const live = this.#live;
    this.#live = null;
    if (code === undefined) live?.terminate();
    else live?.close(code, reason);
  }

  async stop(): Promise<void> {
    for (const ws of this.#sockets.clients) ws.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const { method, url = '' } = request;
    if (method === 'POST' && url === '/users') {
      let text = '';
      for await (const bytes of request) text += String(bytes);
      const body = readJson(text) as Record<string, string> | null;
      if (body === null) return answer(400, { detail: 'no JSON' });
      const eddsa = (body.eddsa_public_key ?? '').toLowerCase();
      // Between the two codes that a partner may have.
      const code = this.#client?.code ?? `M${randomCode()}`;
      this.#client = { code, eddsaPublicKey: eddsa, body };
      return answer(201, userJson(code, { ...body, eddsa_public_key: eddsa }));
    }
    if (url === `/users/${this.partner.user.code}`) {
      const { code, eddsaPublicKey, ecdhPublicKey } = this.directory;
      const keys = {
        ecdh_public_key: ecdhPublicKey,
        eddsa_public_key: eddsaPublicKey,
        proof: proof(this.directory),
      };
      return answer(200, userJson(code, keys));
    }
    if (this.#client !== null && url === `/users/${this.#client.code}`)
      return answer(200, userJson(this.#client.code, this.#client.body));
    return answer(404, { detail: 'no user has this code' });
  }

  #greet(ws: WebSocket): void {
    this.dials += 1;
    const nonce = randomBytes(32).toString('hex');
    this.nonce = nonce;
    const audience = this.audience ?? this.socketUrl;
    this.#tell(ws, 'challenge', { nonce, audience }, null);
    ws.on('error', () => {});
    ws.on('close', () => {
      if (this.#live === ws) this.#live = null;
    });
    ws.on('message', (bytes) => this.#heard(ws, String(bytes)));
  }

  #heard(ws: WebSocket, frame: string): void {
    const { ack } = (readJson(frame) ?? {}) as { ack?: string };
    if (ack !== undefined) {
      this.acks.push(ack);
      const upTo = this.#mailbox.findIndex(({ seq }) => seq === ack);
      this.#mailbox.splice(0, upTo + 1);
      return;
    }
    const [, data = '', signature = ''] = CONNECT.exec(frame) ?? [];
    const parsed = readJson(data) as {
      recipient?: string;
      id?: string;
      message: { type: string; payload: FromClient['payload'] };
    } | null;
    if (parsed === null) return;
    const { recipient, id = '', message } = parsed;
    if (message.type === 'connect') {
      this.logins.push({ payload: message.payload, signed: this.#isSigned(data, signature) });
      this.#live = ws;
      this.#tell(ws, 'connect_ack', {
        queued: this.#mailbox.length,
        expired: 0,
        server_time: new Date().toISOString(),
        limits: LIMITS,
      });
      for (const entry of this.#mailbox) this.#push(entry);
      this.#tell(ws, 'drained', {});
      return;
    }
    if (!this.#isSigned(data, signature)) {
      this.#tell(ws, 'error', { code: 'bad_signature', detail: 'not signed by its sender', frame: 1, id });
      return;
    }
    if (recipient !== this.partner.user.code) {
      this.#tell(ws, 'accepted', { id });
      return;
    }
    const envelope = { data, id, type: message.type, payload: message.payload, frame };
    this.sent.push(envelope);
    if (this.treatment === 'cut') {
      this.cut();
    } else if (this.treatment === 'refuse') {
      this.#tell(ws, 'error', { code: 'mailbox_full', detail: 'full for now', frame: 1, id });
    } else {
      this.#tell(ws, 'accepted', { id });
      if (this.treatment === 'pass') for (const answer of this.partner.take(envelope)) this.deliver(answer);
    }
  }

  #isSigned(data: string, signature: string): boolean {
    const spki = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(this.client.eddsaPublicKey, 'hex'),
    ]);
    const key = { key: spki, format: 'der', type: 'spki' } as const;
    return verify(null, Buffer.from(data), key, Buffer.from(signature, 'hex'));
  }

  #push({ seq, frame }: { readonly seq: string; readonly frame: string }): void {
    this.#live?.send(`${frame.slice(0, -1)},"seq":"${seq}"}`);
  }

  #tell(ws: WebSocket, type: string, payload: object, recipient = this.#client?.code ?? null): void {
    const to = recipient === null ? {} : { recipient };
    ws.send(JSON.stringify({ data: { sender: 'server', ...to, message: { type, payload } } }));
  }
}

const LIMITS = {
  max_frame_bytes: FRAME_BYTES_MAX,
  max_delivered_bytes: FRAME_BYTES_MAX + 64,
  mailbox_envelopes: 1_000,
  mailbox_bytes: 4_194_304,
  mailbox_ttl_s: 604_800,
  window_envelopes: 256,
  window_bytes: 1_048_576,
  envelopes_per_s: 200,
  bytes_per_s: 4_194_304,
};

function userJson(code: string, keys: Readonly<Record<string, string>>): object {
  return { id: 1, code, name: null, created_at: '2026-01-02T03:04:05.678901Z', ...keys };
}

function randomCode(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return [...randomBytes(6)].map((byte) => alphabet[byte % 32]).join('');
}
