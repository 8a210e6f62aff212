import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../transport/uws.ts';

/** An error answer of the HTTP API, RFC 9457. `detail` says what was wrong and what would be right. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
  /** Seconds. */
  readonly retryAfterS?: number;
}

export function problemBody({ status, detail }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail });
}

/** For when it is not known how far an answer had come: using a finished one throws. */
export function closeIfOpen(res: HttpResponse): void {
  try {
    res.close();
  } catch {
    // It was answered, upgraded or aborted: nothing is left to close.
  }
}

/** Answers at once, from inside a handler. The body of the request, if any, was not read: the connection closes. */
export function problem(res: HttpResponse, answer: Problem): void {
  res.writeStatus(`${answer.status} ${STATUS_CODES[answer.status] ?? 'Error'}`);
  res.writeHeader('Content-Type', 'application/problem+json');
  res.writeHeader('Cache-Control', 'no-store');
  if (answer.status === 426) {
    res.writeHeader('Upgrade', 'websocket');
    res.writeHeader('Sec-WebSocket-Version', '13');
  }
  if (answer.retryAfterS !== undefined) res.writeHeader('Retry-After', `${answer.retryAfterS}`);
  res.end(problemBody(answer), true);
}
