import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../transport/uws.ts';

/** An error answer of the HTTP API, RFC 9457. `detail` says what was wrong and what would be right. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
  /** Names the kind of problem for programs; `about:blank` says no more than the status. */
  readonly type?: ProblemType;
  /** Seconds. */
  readonly retryAfterS?: number;
  /** Further members, for programs. */
  readonly more?: Readonly<Record<string, string | number>>;
}

/** Stable: clients match on them. */
type ProblemType =
  | 'urn:keyrelay:invitation-required'
  | 'urn:keyrelay:invitation-invalid'
  | 'urn:keyrelay:registration-closed'
  | 'urn:keyrelay:work-required';

/** To a request for `/ws` that is no opening handshake. */
export function upgradeRequired(): Problem {
  return {
    status: 426,
    detail:
      'this is a WebSocket endpoint: dial it with ws:// or wss:// (version 13, Upgrade: websocket, Connection: Upgrade)',
  };
}

export function problemBody({ status, detail, type, more }: Problem): string {
  return JSON.stringify({
    type: type ?? 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...more,
  });
}

/** Headers that belong to this problem, beside those of every answer. */
export function problemHeaders({ status, retryAfterS }: Problem): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    // RFC 9110, 15.5.22 and 7.8, and RFC 6455, 4.4.
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="keyrelay"' } : {}),
    ...(status === 426 ? { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } : {}),
    ...(retryAfterS === undefined ? {} : { 'Retry-After': `${retryAfterS}` }),
  };
}

/** For when it is not known how far an answer had come: using a finished one throws. */
export function closeIfOpen(res: HttpResponse): void {
  try {
    res.close();
  } catch {
    // It was answered, upgraded or aborted: there is nothing left to close.
  }
}

/** Answers at once, from inside a handler. The request's body, if any, was not read: the connection closes. */
export function answerProblem(res: HttpResponse, problem: Problem): void {
  res.writeStatus(`${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}`);
  res.writeHeader('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(problemHeaders(problem))) res.writeHeader(name, value);
  res.end(problemBody(problem), true);
}
