import type { HttpRequest } from './uws.ts';

/** Headers that mean one thing: two of them could be read differently by a proxy in front and by us. */
const SINGLE = [
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
 * What a request's headers say, read once, in the handler. uWebSockets itself takes the first of several equal names,
 * any Transfer-Encoding for `chunked`, an empty Content-Length for 0, and never looks at `Upgrade`; a proxy in front
 * may see it otherwise, and whoever profits from the difference smuggles a request (RFC 9112, 11.2).
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

  /** Every line of a header that is a list, joined; empty if absent. A proxy may append a line of its own. */
  list(name: 'connection' | 'sec-websocket-protocol' | 'x-forwarded-for'): string {
    return this.#lists.get(name) ?? '';
  }

  /** In words, why it is not certain where this request ends; null if it is. */
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

  /** uWebSockets does not check the line end behind a chunk: nothing may follow such a request on its connection. */
  get chunked(): boolean {
    return this.#values.has('transfer-encoding');
  }

  get hasBody(): boolean {
    return this.chunked || this.get('content-length').replace(/^0+/, '') !== '';
  }

  /** Whether this is the opening handshake of a WebSocket (RFC 6455, 4.2.1), of the only version there is. */
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

const LISTS: ReadonlySet<string> = new Set(['connection', 'sec-websocket-protocol', 'x-forwarded-for']);
/** 16 bytes in Base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
