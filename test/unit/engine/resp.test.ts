import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CommandWriter } from '../../../src/engine/redis/connection/command-writer.ts';
import type { Argument, RedisError, Reply } from '../../../src/engine/redis/connection/reply.ts';
import { NotResp, RespReader } from '../../../src/engine/redis/connection/resp-reader.ts';

type Value = string | number | null | readonly Value[];
type Heard = ['reply', Value] | ['error', string] | ['push', Value];

/** Reads text, cut at these places, and returns what was heard. Strings as text, so that they can be compared. */
function read(bytes: Buffer, cuts: readonly number[] = []): Heard[] {
  const heard: Heard[] = [];
  const reader = new RespReader({
    onReply: (reply) => heard.push(['reply', readable(reply)]),
    onError: (error: RedisError) => heard.push(['error', error.message]),
    onPush: (message) => heard.push(['push', readable(message)]),
  });
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    // Each chunk is written over once it was read, as a socket's buffer may be.
    const chunk = Buffer.from(bytes.subarray(from, to));
    if (chunk.length > 0) reader.read(chunk);
    from = to;
  }
  return heard;
}

function readable(reply: Reply): Value {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  return Array.isArray(reply) ? reply.map(readable) : (reply as Value);
}

const text = (line: string) => Buffer.from(line, 'latin1');

function encode(value: Value): string {
  if (value === null) return '_\r\n';
  if (typeof value === 'number') return `:${value}\r\n`;
  if (typeof value === 'string') return `$${value.length}\r\n${value}\r\n`;
  return `*${value.length}\r\n${value.map(encode).join('')}`;
}

const values = fc.letrec<{ value: Value; list: Value[] }>((tie) => ({
  list: fc.array(tie('value'), { maxLength: 4 }),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    tie('list'),
  ),
})).value;

describe('what Redis sends', () => {
  it('is read as it was sent, whatever it holds and wherever the network has cut it', () => {
    fc.assert(
      fc.property(
        fc.array(values, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (sent, cuts) => {
          const heard = read(text(sent.map(encode).join('')), cuts);
          expect(heard).toEqual(sent.map((value) => ['reply', value]));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is read byte by byte', () => {
    const bytes = text('$5\r\nhello\r\n*2\r\n:-12\r\n$0\r\n\r\n-ERR no\r\n>2\r\n$1\r\na\r\n_\r\n');
    const everywhere = Array.from({ length: bytes.length }, (_, index) => index);
    expect(read(bytes, everywhere)).toEqual([
      ['reply', 'hello'],
      ['reply', [-12, '']],
      ['error', 'ERR no'],
      ['push', ['a', null]],
    ]);
  });

  it.each<[string, string, Heard]>([
    ['a simple string', '+OK\r\n', ['reply', 'OK']],
    ['an empty simple string', '+\r\n', ['reply', '']],
    ['the largest integer that Redis has for a time', ':1795455892426299\r\n', ['reply', 1795455892426299]],
    ['a null string of RESP2', '$-1\r\n', ['reply', null]],
    ['a null list of RESP2', '*-1\r\n', ['reply', null]],
    ['true', '#t\r\n', ['reply', 1]],
    ['false', '#f\r\n', ['reply', 0]],
    ['a double, as text', ',1.5e-3\r\n', ['reply', '1.5e-3']],
    [
      'a big number, as text',
      '(3492890328409238509324850943850943825024385\r\n',
      ['reply', '3492890328409238509324850943850943825024385'],
    ],
    ['a verbatim string, without its format', '=8\r\ntxt:INFO\r\n', ['reply', 'INFO']],
    ['a map, as keys and values', '%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n', ['reply', ['a', 1, 'b', 2]]],
    ['a set', '~2\r\n:1\r\n:2\r\n', ['reply', [1, 2]]],
    ['an error of several lines', '!11\r\nSYNTAX a\r\nb\r\n', ['error', 'SYNTAX a\r\nb']],
    [
      'an answer behind attributes',
      '|1\r\n+ttl\r\n:9\r\n*2\r\n|1\r\n+a\r\n*1\r\n+b\r\n:1\r\n:2\r\n',
      ['reply', [1, 2]],
    ],
    ['an error behind attributes', '|1\r\n+ttl\r\n:9\r\n-ERR no\r\n', ['error', 'ERR no']],
    ['a push of nothing', '>-1\r\n', ['push', []]],
    ['a push', '>3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n', ['push', ['smessage', 'c', 'm']]],
  ])('may be %s', (_, sent, heard) => {
    expect(read(text(sent))).toEqual([heard]);
    expect(read(text(sent), [1, 2, 3, 4, 5])).toEqual([heard]);
  });

  it('may be larger than many chunks', () => {
    const large = 'x'.repeat(1_000_000);
    const bytes = text(`*2\r\n$${large.length}\r\n${large}\r\n:7\r\n`);
    const cuts = Array.from({ length: 15 }, (_, index) => (index + 1) * 65_536);
    expect(read(bytes, cuts)).toEqual([['reply', [large, 7]]]);
  });

  it('is read once, however small the pieces in which a long list comes', () => {
    const items = Array.from({ length: 2_000 }, (_, index) => `item ${index}`);
    const bytes = text(encode(items));
    const copied = vi.spyOn(Buffer, 'concat');
    const cuts = Array.from({ length: Math.floor(bytes.length / 100) }, (_, index) => (index + 1) * 100);
    expect(read(bytes, cuts)).toEqual([['reply', items]]);
    const copiedBytes = copied.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
    expect(copiedBytes).toBeLessThan(2 * bytes.length);
    copied.mockRestore();
  });

  it('is refused if it is something else, naming the byte', () => {
    expect(() => read(text('HTTP/1.1 400 Bad Request\r\n'))).toThrow(NotResp);
    expect(() => read(text('HTTP/1.1 400 Bad Request\r\n'))).toThrow(/0x48/);
    // No command of the relay has an error inside of a list.
    expect(() => read(text('*1\r\n-ERR no\r\n'))).toThrow(NotResp);
    // Not the RangeError of a stack that is full: that would end the process.
    expect(() => read(text('*1\r\n'.repeat(100_000)))).toThrow(NotResp);
    const deep = `${'*1\r\n'.repeat(50)}:1\r\n`;
    expect(read(text(deep.repeat(3)))).toHaveLength(3);
  });
});

describe('what a node sends to Redis', () => {
  /** What one tick has written, and in how many writes. */
  async function written(commands: readonly (readonly [string, ...Argument[]])[]): Promise<Buffer[]> {
    const stream = new PassThrough({ highWaterMark: 1e8 });
    const writes: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => writes.push(Buffer.from(bytes)));
    const writer = new CommandWriter(stream);
    for (const [name, ...args] of commands) writer.write(name, args);
    // The first for the writer's own, the second for what the stream does with it.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    return writes;
  }

  const asText = (command: readonly [string, ...Argument[]]) => {
    const words = command.map((word) => Buffer.from(word as string));
    return Buffer.concat([
      Buffer.from(`*${words.length}\r\n`),
      ...words.flatMap((word) => [Buffer.from(`$${word.length}\r\n`), word, Buffer.from('\r\n')]),
    ]);
  };

  it('is one write for all commands of a tick', async () => {
    const commands = Array.from({ length: 50 }, (_, index) => ['GET', `key ${index}`] as const);
    const writes = await written(commands);
    expect(writes).toHaveLength(1);
    expect(writes[0]).toEqual(Buffer.concat(commands.map(asText)));
  });

  it('counts bytes, not characters: text of any language, bytes, short and long', async () => {
    const words = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    const sent = fc.array(fc.array(words, { maxLength: 6 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sent, async (lists) => {
        const commands = lists.map((list) => ['CMD', ...list] as const);
        expect(Buffer.concat(await written(commands)).equals(Buffer.concat(commands.map(asText)))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('takes little more memory than its bytes while Redis reads nothing, and is sent as it was', async () => {
    const waiting: (() => void)[] = [];
    const received: Buffer[] = [];
    const stalled = new Writable({
      write: (bytes: Buffer, _encoding, done) => {
        waiting.push(() => {
          received.push(Buffer.from(bytes));
          done();
        });
      },
    });
    const memory = new Set<ArrayBufferLike>();
    const write = stalled.write.bind(stalled) as (bytes: Buffer, done?: () => void) => boolean;
    stalled.write = (bytes: Buffer, ...rest: []) => {
      memory.add(bytes.buffer);
      return write(bytes, ...rest);
    };
    const writer = new CommandWriter(stalled);
    const commands = Array.from({ length: 500 }, (_, index) => ['GET', `key ${index}`] as const);
    for (const [name, ...args] of commands) {
      writer.write(name, args);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThan(500_000);
    while (waiting.length > 0) waiting.shift()?.();
    expect(Buffer.concat(received).equals(Buffer.concat(commands.map(asText)))).toBe(true);
  });

  it('may be larger than the memory for one write, at every edge of it', async () => {
    const sizes = [65_400, 65_500, 65_511, 65_512, 65_513, 65_536, 65_537, 300_000];
    for (const size of sizes) {
      const commands = [
        ['SET', 'a', Buffer.alloc(size, 'b')],
        ['SET', 'a', 'c'.repeat(size)],
        ['SET', 'a', 'é'.repeat(Math.floor(size / 2))],
        ['GET', 'd'],
      ] as const;
      const bytes = Buffer.concat(await written(commands));
      expect(bytes.equals(Buffer.concat(commands.map(asText)))).toBe(true);
    }
  });
});
