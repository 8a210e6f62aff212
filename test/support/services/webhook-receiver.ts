import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedUser {
  readonly id: string;
  readonly code: string;
  readonly waiting: number;
  readonly since: string;
}

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: { readonly users: readonly ReceivedUser[] };
  };
  readonly atMs: number;
}

/** An operator's receiver: an HTTP server that verifies each message by the library of Standard Webhooks. */
export class WebhookReceiver {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  /** Verified messages, also those that it then refused. */
  readonly received: Received[] = [];
  /** What kept messages from being verified. */
  readonly errors: string[] = [];
  /** Decides the answer to a message; null never answers. */
  answer: (message: Received) => { status: number; headers?: Record<string, string> } | null = () => ({
    status: 204,
  });
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { headers } = request;
      let message: Received;
      try {
        const body = new Webhook(this.secret).verify(text, headers as Record<string, string>);
        const id = String(headers['webhook-id']);
        message = { id, headers, body: body as Received['body'], atMs: performance.now() };
      } catch (error) {
        this.errors.push(String(error));
        response.writeHead(401).end();
        return;
      }
      this.received.push(message);
      const answer = this.answer(message);
      if (answer !== null) response.writeHead(answer.status, answer.headers).end();
    });
  });

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/wake`;
  }

  /** What a node needs to post here. */
  get settings(): Record<string, string> {
    return { RELAY_WAKE_URL: this.url, RELAY_WAKE_SECRET: this.secret, RELAY_WAKE_PRIVATE: 'true' };
  }

  /** Every announcement of a user. */
  of(code: string): ReceivedUser[] {
    return this.received.flatMap(({ body }) => body.data.users.filter((user) => user.code === code));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
