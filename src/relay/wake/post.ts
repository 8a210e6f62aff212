import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { guardedLookup, refusePrivateLiteral } from './public-address.ts';

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
  /** The setting that allows private addresses, where it is not set; null allows them. */
  readonly privateBy: string | null;
}

/**
 * - `sent`: the receiver has answered 2xx
 * - `gone`: it has answered 404 or 410
 * - `refused`: it has answered another 4xx, and would answer the same again
 * - `failed`: it has not answered, or with another status
 */
export interface Sent {
  readonly outcome: 'sent' | 'gone' | 'refused' | 'failed';
  /** For people; '' if it was sent. */
  readonly reason: string;
  /** What `Retry-After` asks for; 0 if it does not. */
  readonly retryAfterMs: number;
}

/** From the look-up of the name to the status line. Shorter than the lease of what is announced. */
const TIMEOUT_MS = 10_000;
/** Statuses that say that the same message may be taken later. */
const PASSING = new Set([408, 425, 429]);
const GONE = new Set([404, 410]);
const RETRY_AFTER_MAX_S = 3_600;

/** Never rejects. Follows no redirect, uses no proxy, reads no body. */
export async function post(message: Post, signal: AbortSignal): Promise<Sent> {
  try {
    const { status, retryAfter } = await send(message, signal);
    if (status >= 200 && status < 300) return { outcome: 'sent', reason: '', retryAfterMs: 0 };
    const seconds = /^\d{1,5}$/.test(retryAfter) ? Math.min(Number(retryAfter), RETRY_AFTER_MAX_S) : 0;
    const isRefusal = status >= 400 && status < 500 && !PASSING.has(status);
    const outcome = GONE.has(status) ? 'gone' : isRefusal ? 'refused' : 'failed';
    return { outcome, reason: `the receiver answered ${status}`, retryAfterMs: seconds * 1000 };
  } catch (error) {
    return { outcome: 'failed', reason: describe(error), retryAfterMs: 0 };
  }
}

function send(
  { url, headers, body, privateBy }: Post,
  signal: AbortSignal,
): Promise<{ status: number; retryAfter: string }> {
  return new Promise((resolve, reject) => {
    // A socket does not look up what is an address already.
    if (privateBy !== null) refusePrivateLiteral(url, privateBy);
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: 'POST',
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      // A new connection each time: no address stays in use that the name has left.
      agent: false,
      ...(privateBy === null ? {} : { lookup: guardedLookup(privateBy) }),
    });
    request.once('error', reject);
    request.once('response', (response: IncomingMessage) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? '' });
      // What else it answers is of no use, and may have no end.
      response.destroy();
    });
    request.end(body);
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  // Of several addresses that were tried.
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error.message;
}
