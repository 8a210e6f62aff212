import { createHmac } from 'node:crypto';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { lookupPublic, refusePrivateLiteral } from './public-address.ts';

export interface WebhookOptions {
  /** `https:`, or `http:` where private addresses are allowed. */
  readonly url: string;
  readonly secret: Buffer;
  readonly allowPrivate: boolean;
}

export interface Message {
  /** The same whenever the same is sent again. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

/**
 * - `sent`: the receiver has answered 2xx
 * - `refused`: it has answered 4xx, and would answer the same again
 * - `failed`: it has not answered, or with another status
 */
export interface Sent {
  readonly outcome: 'sent' | 'refused' | 'failed';
  /** For people; '' if it was sent. */
  readonly reason: string;
  /** What `Retry-After` asks for; 0 if it does not. */
  readonly retryAfterMs: number;
}

/** From the look-up of the name to the status line. Shorter than the lease of what is announced. */
const TIMEOUT_MS = 10_000;
/** Statuses that say that the same message may be taken later. */
const PASSING = new Set([408, 425, 429]);
const RETRY_AFTER_MAX_S = 3_600;

/** Posts signed messages as https://www.standardwebhooks.com asks for. Follows no redirect, uses no proxy. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #url: URL;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
  }

  /** Never rejects. */
  async send(message: Message, signal: AbortSignal): Promise<Sent> {
    try {
      const { status, retryAfter } = await this.#post(message, signal);
      if (status >= 200 && status < 300) return { outcome: 'sent', reason: '', retryAfterMs: 0 };
      const seconds = /^\d{1,5}$/.test(retryAfter) ? Math.min(Number(retryAfter), RETRY_AFTER_MAX_S) : 0;
      const isRefusal = status >= 400 && status < 500 && !PASSING.has(status);
      const outcome = isRefusal ? 'refused' : 'failed';
      return { outcome, reason: `the receiver answered ${status}`, retryAfterMs: seconds * 1000 };
    } catch (error) {
      return { outcome: 'failed', reason: describe(error), retryAfterMs: 0 };
    }
  }

  #post(message: Message, signal: AbortSignal): Promise<{ status: number; retryAfter: string }> {
    const { allowPrivate } = this.#options;
    return new Promise((resolve, reject) => {
      // A socket does not look up what is an address already.
      if (!allowPrivate) refusePrivateLiteral(this.#url);
      const post = this.#url.protocol === 'https:' ? requestHttps : requestHttp;
      const request = post(this.#url, {
        method: 'POST',
        headers: this.#headers(message),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        // A new connection each time: no address stays in use that the name has left.
        agent: false,
        ...(allowPrivate ? {} : { lookup: lookupPublic }),
      });
      request.once('error', reject);
      request.once('response', (response: IncomingMessage) => {
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? '' });
        // What else it answers is of no use, and may have no end.
        response.destroy();
      });
      request.end(message.body);
    });
  }

  #headers({ id, body }: Message): Record<string, string> {
    const timestamp = `${Math.floor(Date.now() / 1000)}`;
    const signature = createHmac('sha256', this.#options.secret)
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    return {
      'Content-Type': 'application/json',
      'Content-Length': `${Buffer.byteLength(body)}`,
      'User-Agent': 'keyrelay',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  // Of several addresses that were tried.
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error.message;
}
