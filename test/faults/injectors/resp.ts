/** What one whole reply of a Redis server is, as far as the proxy must know. */
export interface RespReply {
  /** Exactly its bytes. */
  readonly bytes: Buffer;
  /** The first two strings of a push or array: of a message its kind and channel. */
  readonly head: readonly string[];
}

const CR = 13;
const SIMPLE = '+-:_,#(';
const BULK = '$!=';
const AGGREGATE: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 };

/** Cuts a stream of RESP2 or RESP3 (https://redis.io/docs/latest/develop/reference/protocol-spec/) into replies. */
export class RespCutter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): RespReply[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const replies: RespReply[] = [];
    for (;;) {
      const head: string[] = [];
      const end = this.#end(0, head);
      if (end === null) return replies;
      replies.push({ bytes: this.#rest.subarray(0, end), head });
      this.#rest = this.#rest.subarray(end);
    }
  }

  /** What has not become a whole reply yet. */
  get rest(): Buffer {
    return this.#rest;
  }

  /** Where the value that begins at `start` ends; null if it is not all here. */
  #end(start: number, head: string[] | null): number | null {
    const lineEnd = this.#rest.indexOf(CR, start);
    if (lineEnd === -1 || lineEnd + 2 > this.#rest.length) return null;
    const type = String.fromCharCode(this.#rest[start] ?? 0);
    const after = lineEnd + 2;
    if (SIMPLE.includes(type)) return after;
    const count = Number(this.#rest.subarray(start + 1, lineEnd).toString('latin1'));
    if (BULK.includes(type)) return this.#bulkEnd(after, count, head);
    const perItem = AGGREGATE[type];
    if (perItem === undefined) throw new Error(`not RESP: ${JSON.stringify(type)}`);
    let end: number | null = after;
    for (let item = 0; item < count * perItem && end !== null; item += 1) {
      end = this.#end(end, item < 2 ? head : null);
    }
    // An attribute stands before the value that it belongs to.
    return type === '|' && end !== null ? this.#end(end, head) : end;
  }

  #bulkEnd(after: number, length: number, head: string[] | null): number | null {
    if (length < 0) return after;
    const end = after + length + 2;
    if (end > this.#rest.length) return null;
    head?.push(this.#rest.subarray(after, after + length).toString('latin1'));
    return end;
  }
}
