import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket, WebSocketServer } from 'ws';

/** What stands between a client and a relay, and makes of the two a relay that breaks the protocol. */
export interface Faults {
  /** Of each text frame from the relay. */
  readonly toClient?: (frame: string) => string;
  /** Null: the relay does not get it. */
  readonly toRelay?: (frame: string) => string | null;
  /** Answers the relay's pings itself. */
  readonly pongs?: boolean;
}

export class FaultyProxy {
  readonly #relay: string;
  readonly #faults: Faults;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, autoPong: false, perMessageDeflate: false });

  private constructor(relay: string, faults: Faults) {
    this.#relay = relay;
    this.#faults = faults;
    this.#server = createServer((request, response) => {
      void this.#ask(request).then(async (answer) => {
        const headers = [...answer.headers].filter(([name]) =>
          ['content-type', 'cache-control', 'allow'].includes(name),
        );
        response.writeHead(answer.status, headers.flat());
        response.end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const asked = request.headers['sec-websocket-protocol'];
      const upstream = new WebSocket(
        `${this.#relay.replace(/^http/, 'ws')}/ws`,
        asked === undefined ? [] : asked.split(/,\s*/),
        { autoPong: this.#faults.pongs ?? false, perMessageDeflate: false },
      );
      const early: string[] = [];
      upstream.on('message', (frame) => early.push(String(frame)));
      upstream.once('open', () => {
        this.#sockets.options.handleProtocols = () => upstream.protocol || false;
        this.#sockets.handleUpgrade(request, socket, head, (client) => {
          upstream.removeAllListeners('message');
          this.#join(client, upstream, early);
        });
      });
    });
  }

  static async start(relay: string, faults: Faults): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(relay, faults);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #ask(request: IncomingMessage): Promise<Response> {
    const { method = 'GET', headers, url = '/' } = request;
    const body = method === 'POST' ? await text(request) : null;
    const type = headers['content-type'];
    return fetch(this.#relay + url, {
      method,
      body,
      headers: type === undefined ? {} : { 'content-type': type },
    });
  }

  #join(client: WebSocket, upstream: WebSocket, early: readonly string[]): void {
    const { toClient = (frame) => frame, toRelay = (frame) => frame } = this.#faults;
    for (const frame of early) client.send(toClient(frame));
    upstream.on('message', (frame) => client.send(toClient(String(frame))));
    upstream.on('ping', (data) => client.ping(data));
    client.on('message', (frame: Buffer, binary) => {
      const passed = binary ? frame : toRelay(String(frame));
      if (passed !== null) upstream.send(passed, { binary });
    });
    client.on('pong', (data) => {
      if (!this.#faults.pongs) upstream.pong(data);
    });
    client.on('close', () => upstream.terminate());
    client.on('error', () => {});
    upstream.on('error', () => {});
    upstream.on('close', (code, reason) => (code === 1006 ? client.terminate() : client.close(code, reason)));
  }
}
