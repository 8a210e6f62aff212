import { STATUS_CODES } from 'node:http';
import type { RequestHeaders } from '../transport/headers.ts';
import type { HttpRequest, HttpResponse } from '../transport/uws.ts';
import { type Problem, problemBody, problemHeaders } from './problem.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** The bytes of a body, or why they are missing. */
export type Body = { readonly bytes: Buffer } | { readonly tooLarge: true } | { readonly aborted: true };

/**
 * One HTTP request and its answer. The constructor, which runs in the handler, copies everything of the request:
 * uWebSockets takes it back after the first await. Answers at most once, and never an aborted request.
 */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly origin: string;
  readonly address: string;
  /** `Accept-Encoding` and `If-None-Match`, all lines joined. */
  readonly acceptEncoding: string;
  readonly ifNoneMatch: string;
  readonly #res: HttpResponse;
  readonly #headers: RequestHeaders;
  #status = 0;
  #aborted = false;
  #onAborted: () => void = () => undefined;

  constructor(res: HttpResponse, req: HttpRequest, from: { address: string; headers: RequestHeaders }) {
    const { address, headers } = from;
    this.#res = res;
    this.#headers = headers;
    this.method = req.getCaseSensitiveMethod();
    this.path = req.getUrl();
    this.contentType = headers.get('content-type');
    this.authorization = headers.get('authorization');
    this.origin = headers.get('origin');
    this.address = address;
    this.acceptEncoding = headers.list('accept-encoding');
    this.ifNoneMatch = headers.list('if-none-match');
    res.onAborted(() => {
      this.#aborted = true;
      this.#onAborted();
    });
  }

  /** The status of the answer; 0 before it. */
  get status(): number {
    return this.#status;
  }

  /** Must be called in the handler, before any await. */
  readBody(bytesMax: number): Promise<Body> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      this.#onAborted = () => resolve({ aborted: true });
      this.#res.onData((chunk, isLast) => {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) {
          resolve({ tooLarge: true });
          return;
        }
        chunks.push(Buffer.from(chunk.slice(0)));
        if (isLast) resolve({ bytes: Buffer.concat(chunks) });
      });
    });
  }

  answer({ status, headers = {}, body = '' }: Answer): void {
    if (this.#aborted || this.#status !== 0) return;
    this.#status = status;
    // The rest of a refused body, or the bytes behind a body whose end is in doubt, must not be executed as a request.
    const last = status === 413 || this.#headers.chunked || this.#headers.ambiguity !== null;
    // Otherwise uWebSockets would go on in the bytes that it has, and answer a thousand pipelined requests at once
    // although the client does not read. It closes the connection when it comes to a request while an answer is due.
    setImmediate(() => this.#write({ status, headers, body }, last));
  }

  #write({ status, headers, body }: Required<Answer>, close: boolean): void {
    if (this.#aborted) return;
    this.#res.cork(() => {
      this.#res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
      for (const [name, value] of Object.entries(headers)) this.#res.writeHeader(name, value);
      // uWebSockets does not say whether it took an answer without a body, so this is the connection's last.
      if (this.method === 'HEAD' || status === 304) this.#res.endWithoutBody(Buffer.byteLength(body), true);
      else if (status === 204) this.#endWithoutLength();
      else if (close) this.#res.end(body, true);
      else this.#send(typeof body === 'string' ? Buffer.from(body) : body);
    });
  }

  /**
   * A 204 has no Content-Length (RFC 9110, 8.6), but uWebSockets closes a connection behind an answer without a body only
   * if it has one. So nothing more is read from this connection, which ends when uWebSockets finds it idle (10 s).
   */
  #endWithoutLength(): void {
    this.#res.pause();
    this.#res.writeHeader('Connection', 'close');
    this.#res.endWithoutBody();
  }

  /** Writes no more than the client takes: for a slow reader, a view of the body waits and no copy. */
  #send(body: Buffer): void {
    const send = (offset: number): boolean => this.#res.tryEnd(body.subarray(offset), body.length)[0];
    if (!send(0)) this.#res.onWritable(send);
  }

  problem(problem: Problem, headers: Readonly<Record<string, string>>): void {
    this.answer({
      status: problem.status,
      headers: { ...headers, ...problemHeaders(problem) },
      body: problemBody(problem),
    });
  }
}
