import type { HttpRequest } from './uws.ts';

/** Headers with one meaning: a proxy in front could pick another of two equal ones than we do. */
const SINGLE = [
  'authorization',
  'content-length',
  'content-type',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
] as const;

type SingleName = (typeof SINGLE)[number];

const DIGITS = /^\d+$/;

/**
 * A request's headers, read once, in the handler. uWebSockets itself takes the first of several equal names, any
 * Transfer-Encoding for `chunked`, an empty Content-Length for 0, and never looks at `Upgrade`. A proxy in front may
 * read them differently, and an attacker uses the difference to smuggle requests (RFC 9112, 11.2).
 */
export class RequestHeaders {
  readonly #values = new Map<SingleName, string>();
  readonly #lists = new Map<string, string>();
  #repeated: SingleName | null = null;

  constructor(req: Pick<HttpRequest, 'forEach'>) {
    req.forEach((name, value) => {
      const single = SINGLE.find((each) => each === name);
      if (single !== undefined) {
        if (this.#values.has(single)) this.#repeated = single;
        else this.#values.set(single, value);
      } else if (LISTS.has(name)) {
        const before = this.#lists.get(name);
        this.#lists.set(name, before === undefined ? value : `${before},${value}`);
      }
    });
  }

  /** Empty if absent. */
  get(name: SingleName): string {
    return this.#values.get(name) ?? '';
  }

  /** All lines of a list header, joined; empty if absent. A proxy may append a line. */
  list(name: ListName): string {
    return this.#lists.get(name) ?? '';
  }

  /** Says why the end of this request is in doubt; null if it is certain. */
  get ambiguity(): string | null {
    if (this.#repeated !== null) return `the header ${this.#repeated} stands twice`;
    const length = this.#values.get('content-length');
    if (length !== undefined && !DIGITS.test(length)) return 'Content-Length must be digits';
    const coding = this.#values.get('transfer-encoding');
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      return 'Transfer-Encoding must be chunked, or absent';
    }
    return null;
  }

  /** uWebSockets does not check the line end behind a chunk, so no request may follow on this connection. */
  get chunked(): boolean {
    return this.#values.has('transfer-encoding');
  }

  get hasBody(): boolean {
    return this.chunked || this.get('content-length').replace(/^0+/, '') !== '';
  }

  /** Whether this is the opening handshake of a WebSocket (RFC 6455, 4.2.1), version 13. */
  get asksForWebSocket(): boolean {
    const connection = this.list('connection').toLowerCase().split(',');
    return (
      this.get('upgrade').toLowerCase() === 'websocket' &&
      connection.some((token) => token.trim() === 'upgrade') &&
      this.get('sec-websocket-version') === '13' &&
      KEY.test(this.get('sec-websocket-key'))
    );
  }
}

const LIST_NAMES = [
  'accept-encoding',
  'connection',
  'forwarded',
  'if-none-match',
  'sec-websocket-protocol',
  'x-forwarded-for',
] as const;
type ListName = (typeof LIST_NAMES)[number];
const LISTS: ReadonlySet<string> = new Set(LIST_NAMES);
/** 16 bytes in Base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
