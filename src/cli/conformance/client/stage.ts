import { randomBytes, verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { demand, newKeys, proof, same, sha256, type User } from '../peer.ts';
import { type FromClient, type Known, Partner } from './partner.ts';
import { Program, readJson } from './program.ts';

/** For a program to start on a busy machine, and to log in. */
const START_MS = 60_000;
/** For a client to do what it must not do. */
const MEANWHILE_MS = 4_000;
/** A program that has ended may still have said something. */
const AFTER_END_MS = 200;
const FRAME_BYTES_MAX = 65_536;
const CONNECT = /^\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"\}$/s;

/** How the relay treats what the client sends. */
export type Treatment = 'pass' | 'swallow' | 'refuse' | 'cut';

/** A login that the client has tried. */
export interface LoginTry {
  readonly payload: unknown;
  readonly signed: boolean;
}

/** A relay that misbehaves as it is told, the person behind it, and the client under test. */
export class Stage {
  readonly #command: readonly string[];
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'relay.v2' });
  #folder = '';
  readonly #waitMs: number;
  #program: Program | null = null;
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
  /** What the client has shown. */
  readonly shown: unknown[] = [];

  private constructor(command: readonly string[], code: string, waitMs: number, server: Server) {
    this.#command = command;
    this.#waitMs = waitMs;
    this.#http = server;
    const user = { ...newKeys(), code };
    this.directory = user;
    this.partner = new Partner(user, () => this.client, this.socketUrl);
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#greet(ws));
    });
  }

  /**
   * @param code of the partner
   * @param waitMs at most, for whatever the client has to do
   */
  static async open(command: readonly string[], code: string, waitMs: number): Promise<Stage> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const stage = new Stage(command, code, waitMs, server);
    stage.#folder = await mkdtemp(join(tmpdir(), 'keyrelay-conformance-'));
    return stage;
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

  /** Starts the client under test. */
  start(): void {
    const values = { url: this.url, state: join(this.#folder, 'state'), peer: this.partner.user.code };
    const fill = (word: string) =>
      word.replaceAll(/\{(url|state|peer)\}/g, (_, name: keyof typeof values) => values[name]);
    this.#program = new Program(this.#command.map(fill), (from, body) => {
      if (from === this.partner.user.code) this.shown.push(String(body).trimEnd());
    });
  }

  async login(): Promise<void> {
    this.start();
    await this.until(() => this.isLive, 'it to log in', START_MS);
  }

  /** Tells the client to write. */
  say(body: string): void {
    this.#program?.write(body);
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

  async comesBack(): Promise<void> {
    await this.until(() => this.isLive, 'it to come back');
  }

  /** The client answers a request of the partner. Gives the data of the request. */
  async exchangesKeys(): Promise<string> {
    const data = this.partner.request();
    this.deliver(data);
    const digest = sha256(data);
    await this.until(
      () => this.partner.answers.includes(digest),
      'an answer to a key_exchange, with its digest',
    );
    return data;
  }

  /** A message of the partner is shown, and nothing else before it. */
  async hears(body: string): Promise<void> {
    const before = [...this.shown] as string[];
    this.deliver(this.partner.message(body));
    await this.shows(...before, body);
  }

  /** So far, the client has shown these. */
  async shows(...bodies: readonly string[]): Promise<void> {
    const isOther = () => this.shown.some((body, index) => body !== bodies[index]);
    const [last] = bodies.slice(-1);
    await this.until(
      () => isOther() || this.shown.length === bodies.length,
      `it to show ${JSON.stringify(last)}`,
    );
    same('what it has shown', this.shown, bodies);
  }

  /** What the client is told to write reaches the partner. */
  async writes(body: string): Promise<void> {
    this.say(body);
    await this.until(() => this.partner.heard.includes(body), 'what it was told to write');
  }

  async until(holds: () => boolean, what: string, waitMs = this.#waitMs): Promise<void> {
    const deadline = performance.now() + waitMs;
    let endedMs = Number.POSITIVE_INFINITY;
    while (!holds()) {
      if (this.#program?.hasEnded === true) endedMs = Math.min(endedMs, performance.now() + AFTER_END_MS);
      demand(performance.now() < endedMs, `waited for ${what}, but ${this.#program?.end}`);
      demand(performance.now() < deadline, `waited ${waitMs / 1000} s for ${what}`);
      await pause(20);
    }
  }

  /** Time to do what is forbidden: until it is done, or the client has ended. */
  async meanwhile(isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + MEANWHILE_MS;
    while (!isDone() && this.#program?.hasEnded === false && performance.now() < deadline) await pause(20);
  }

  async stop(): Promise<void> {
    await this.#program?.kill();
    for (const ws of this.#sockets.clients) ws.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function userJson(code: string, keys: Readonly<Record<string, string>>): object {
  return { id: 1, code, name: null, created_at: '2026-01-02T03:04:05.678901Z', ...keys };
}

function randomCode(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return [...randomBytes(6)].map((byte) => alphabet[byte % 32]).join('');
}
