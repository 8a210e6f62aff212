import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { afterClose, fullJitterMs } from '../../src/client/backoff.ts';
import { fromBase64, toBase64 } from '../../src/client/base64.ts';
import { decodeContent, encodeContent } from '../../src/client/content.ts';
import { endpointsOf } from '../../src/client/endpoints.ts';
import { ClientError } from '../../src/client/errors.ts';
import { ANSWER_WITHIN_MS, Heartbeat, SILENCE_MS } from '../../src/client/heartbeat.ts';
import { createIdentity } from '../../src/client/identity.ts';
import { readIncoming, readVerified } from '../../src/client/incoming.ts';
import { Lane, type LaneEntry } from '../../src/client/lane.ts';
import { Link } from '../../src/client/link.ts';
import { Login } from '../../src/client/login.ts';
import { Marks } from '../../src/client/marks.ts';
import { Receiver } from '../../src/client/receiver.ts';
import { Batch, Records } from '../../src/client/records.ts';
import { Seen } from '../../src/client/seen.ts';
import { outcomeOf } from '../../src/client/server-word.ts';
import { memoryStorage } from '../../src/client/storage.ts';
import { fileStorage } from '../../src/client/storage-file.ts';
import { type Locks, takeTabLock } from '../../src/client/tab-lock.ts';
import type { SocketConstructor } from '../../src/client/web-socket.ts';

describe('waiting before the next try', () => {
  test('is anything up to a span that doubles, and at most half a minute', () => {
    expect([0, 1, 2, 3, 6, 50].map((attempt) => fullJitterMs(attempt, () => 0.999_999))).toEqual([
      499, 999, 1999, 3999, 29_999, 29_999,
    ]);
    expect(fullJitterMs(50, () => 0)).toBe(0);
  });

  test.each([
    [1001, '', { reconnect: 'with full jitter' }],
    [1006, '', { reconnect: 'with full jitter' }],
    [1012, 'retry in 1234 ms', { reconnect: 'after', waitMs: 1234 }],
    [1012, 'retry in 99999999999 ms', { reconnect: 'with full jitter' }],
    [1012, 'whenever', { reconnect: 'with full jitter' }],
    [1001, 'retry in 5 ms', { reconnect: 'with full jitter' }],
    [4408, '', { reconnect: 'with full jitter' }],
    [4429, '', { reconnect: 'with full jitter' }],
    [1009, '', { reconnect: 'never', name: 'tooBig' }],
    [4400, '', { reconnect: 'never', name: 'malformed' }],
    [4401, '', { reconnect: 'never', name: 'notAuthenticated' }],
    [4409, 'retry in 5 ms', { reconnect: 'never', name: 'replaced' }],
  ] as const)('after %i (%s): %o', (code, reason, expected) => {
    expect(afterClose(code, reason)).toEqual(expected);
  });
});

describe('where a relay is', () => {
  test.each([
    ['https://Relay.Example', 'https://relay.example', 'wss://relay.example/ws'],
    ['https://relay.example:443/', 'https://relay.example', 'wss://relay.example/ws'],
    ['wss://relay.example:8443/ws?x=1', 'https://relay.example:8443', 'wss://relay.example:8443/ws'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080', 'ws://127.0.0.1:8080/ws'],
    ['ws://[::1]:80/ws', 'http://[::1]', 'ws://[::1]/ws'],
  ])('%s', (url, http, socket) => {
    expect(endpointsOf(url)).toEqual({ http, socket });
  });

  test.each(['relay.example', 'ftp://relay.example', '', 'https://'])('%s is nowhere', (url) => {
    expect(() => endpointsOf(url)).toThrow(ClientError);
  });
});

describe('logging in', () => {
  const nonce = 'ab'.repeat(32);
  const login = (protocol: 1 | 2 = 2) =>
    new Login({
      identity: createIdentity(),
      code: 'E011T7D',
      endpoints: endpointsOf('https://relay.example'),
      protocol,
    });
  const challenge = (payload: Record<string, unknown>) => ({ type: 'challenge', payload });
  const codeOf = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return (error as ClientError).code;
    }
    return null;
  };

  test('signs nonce and the address that was dialled, once', () => {
    const attempt = login();
    expect(attempt.opened('relay.v2')).toEqual({ does: 'wait' });
    const step = attempt.heard(challenge({ nonce, audience: 'wss://relay.example/ws' }));
    expect(step.does === 'send' && JSON.parse(step.frame).data).toEqual({
      sender: 'E011T7D',
      message: { type: 'connect', payload: { nonce, audience: 'wss://relay.example/ws' } },
    });
    expect(attempt.heard(challenge({ nonce, audience: null }))).toEqual({ does: 'wait' });
  });

  test('signs the dialled address also for a relay that does not say its own', () => {
    const step = login().heard(challenge({ nonce, audience: null }));
    expect(step.does === 'send' && step.frame).toContain('"audience":"wss://relay.example/ws"');
  });

  test.each(['wss://relay.example', 'ws://relay.example/ws', 'wss://relay.example:443/ws', '', 7, undefined])(
    'signs nothing for the audience %s',
    (audience) => {
      expect(codeOf(() => login().heard(challenge({ nonce, audience })))).toBe('audience_mismatch');
    },
  );

  test.each(['', 'relay.v1', 'relay.v3'])('does not go on by the subprotocol "%s"', (subprotocol) => {
    expect(codeOf(() => login().opened(subprotocol))).toBe('downgraded');
  });

  test('does not believe a welcome before it has shown who it is', () => {
    expect(codeOf(() => login().heard({ type: 'connect_ack', payload: {} }))).toBe('refused');
  });

  test('by protocol 1 sends exactly sender and type, and ignores a challenge', () => {
    const attempt = login(1);
    const step = attempt.opened('');
    expect(step.does === 'send' && step.frame).toMatch(
      /^\{"data":\{"sender":"E011T7D","message":\{"type":"connect"\}\},"signature":"[0-9a-f]{128}"\}$/,
    );
    expect(attempt.heard(challenge({ nonce, audience: null }))).toEqual({ does: 'wait' });
    expect(attempt.heard({ type: 'connect_ack', payload: {} })).toMatchObject({
      does: 'welcome',
      welcome: { queued: null, maxFrameBytes: 65_536 },
    });
  });
});

test('a link says nothing of an earlier socket before it is logged in itself', () => {
  const sent: string[] = [];
  const sockets: FakeSocket[] = [];
  class FakeSocket {
    readonly protocol = 'relay.v2';
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    constructor() {
      sockets.push(this);
    }
    send(text: string): void {
      sent.push(text);
    }
    close(): void {}
  }
  const link = new Link({
    endpoints: endpointsOf('https://relay.example'),
    protocol: 2,
    identity: createIdentity(),
    code: 'E011T7D',
    WebSocket: FakeSocket as unknown as SocketConstructor,
    onWelcome: () => {},
    onEnvelope: () => {},
    onServer: () => {},
    onProbe: () => {},
    onFrame: () => {},
    onEnd: () => {},
  });
  const [socket] = sockets;
  const says = (type: string, payload: object) =>
    socket?.onmessage?.({ data: JSON.stringify({ data: { sender: 'server', message: { type, payload } } }) });
  link.send('{"ack":"1"}');
  socket?.onopen?.();
  link.send('{"ack":"2"}');
  says('challenge', { nonce: 'ab'.repeat(32), audience: null });
  link.send('{"ack":"3"}');
  expect(sent).toHaveLength(1);
  says('connect_ack', {});
  link.send('{"ack":"4"}');
  expect(sent.slice(1)).toEqual(['{"ack":"4"}']);
  link.close();
});

describe('a lane of envelopes to one recipient', () => {
  const entry = (number: number, about: Partial<LaneEntry> = {}): LaneEntry => ({
    number,
    id: `id-${number}`,
    recipient: 'K7M2Q9X',
    urgent: false,
    frame: null,
    ...about,
  });
  const never = () => {
    throw new Error('called again');
  };
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('has one on the way, and lets none past while that is in doubt', () => {
    const lane = new Lane();
    lane.add(entry(1));
    lane.add(entry(2));
    lane.launch({ ...entry(1), frame: 'one' }, never);
    expect(lane.next()).toBeNull();
    // The socket is gone: the same bytes first, whatever has become urgent.
    lane.add(entry(3, { urgent: true, frame: 'keys' }));
    lane.restart();
    expect(lane.next()).toMatchObject({ number: 1, frame: 'one' });
  });

  test('sends key exchanges before messages, in order', () => {
    const lane = new Lane();
    for (const each of [entry(1), entry(2, { urgent: true }), entry(3, { urgent: true })]) lane.add(each);
    const order: number[] = [];
    for (let next = lane.next(); next !== null; next = lane.next()) {
      order.push(next.number);
      lane.launch({ ...next, frame: 'x' }, never);
      lane.settle();
      lane.remove(next.number);
    }
    expect(order).toEqual([2, 3, 1]);
  });

  test('asks again when no answer comes, and waits as long as it is told', () => {
    const lane = new Lane();
    lane.add(entry(1, { frame: 'one' }));
    let again = 0;
    const count = () => {
      again += 1;
    };
    lane.launch(entry(1, { frame: 'one' }), count);
    vi.advanceTimersByTime(15_000);
    expect(again).toBe(1);
    expect(lane.next()?.number).toBe(1);
    lane.launch(entry(1, { frame: 'one' }), never);
    lane.retry(4_000, count);
    expect(lane.next()).toBeNull();
    vi.advanceTimersByTime(3_999);
    expect(again).toBe(1);
    vi.advanceTimersByTime(501);
    expect(again).toBe(2);
    expect(lane.next()?.number).toBe(1);
  });
});

describe('what the relay says of an envelope', () => {
  const error = (code: string, more: Record<string, unknown> = {}) =>
    outcomeOf('error', { id: 'x', code, detail: 'why', frame: 3, ...more });

  test('is taken for what it means', () => {
    expect(outcomeOf('accepted', { id: 'x' })).toEqual({ outcome: 'accepted', id: 'x' });
    expect(error('unavailable')).toMatchObject({ outcome: 'again', waitMs: null });
    expect(error('rate_limited', { retry_after_ms: 700 })).toMatchObject({ outcome: 'again', waitMs: 700 });
    expect(error('mailbox_full')).toMatchObject({ outcome: 'again', waitMs: 15_000 });
    expect(error('recipient_unknown')).toMatchObject({ outcome: 'refused', error: { code: 'user_unknown' } });
    expect(error('id_conflict')).toMatchObject({ outcome: 'refused', error: { code: 'refused' } });
    expect(error('something_new')).toMatchObject({ outcome: 'refused' });
  });

  test('puts nothing to sleep for years', () => {
    expect(error('rate_limited', { retry_after_ms: 1e12 })).toMatchObject({ waitMs: 60_000 });
    expect(error('rate_limited', { retry_after_ms: -5 })).toMatchObject({ waitMs: 0 });
    expect(error('rate_limited', { retry_after_ms: 'long' })).toMatchObject({ waitMs: 0 });
  });

  test('is about none without an id', () => {
    expect(outcomeOf('error', { code: 'bad_frame' })).toBeNull();
    expect(outcomeOf('drained', {})).toBeNull();
  });
});

describe('a heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('finds a half-open socket within 35 s, and leaves a living one alone', () => {
    const said: string[] = [];
    const heartbeat = new Heartbeat({ probe: () => said.push('probe'), dead: () => said.push('dead') });
    vi.advanceTimersByTime(SILENCE_MS - 1);
    heartbeat.heard();
    vi.advanceTimersByTime(SILENCE_MS - 1);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(['probe']);
    heartbeat.heard();
    vi.advanceTimersByTime(SILENCE_MS + ANSWER_WITHIN_MS - 1);
    expect(said).toEqual(['probe', 'probe']);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(['probe', 'probe', 'dead']);
    expect(SILENCE_MS + ANSWER_WITHIN_MS).toBeLessThanOrEqual(35_000);
  });
});

describe('frames as they come', () => {
  const signature = '0'.repeat(128);
  const frame = (data: string, tail = '') => `{"data":${data},"signature":"${signature}"${tail}}`;

  test('are cut at the exact bytes, whatever stands in them', () => {
    const text = fc.string({ unit: 'grapheme' }).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(text, text, (name, value) => {
        const data = `{"x":{"sender":"0000000",${name}:${value}}, "sender" : "E011T7D","recipient":"K7M2Q9X","message":{"type":"t","payload":${value}}}`;
        const incoming = readIncoming(frame(data, ',"seq":"12-3"'));
        if (incoming.kind !== 'envelope') throw new Error(incoming.kind);
        expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(incoming.envelope.data)).toBe(data);
        expect(incoming.envelope).toMatchObject({ claims: 'E011T7D', seq: '12-3', signature });
        expect(readVerified(incoming.envelope)?.payload).toEqual(JSON.parse(value));
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });

  test('the sender that is verified is the sender that is read', () => {
    const twice = '{"sender":"E011T7D","recipient":"K7M2Q9X","message":{"type":"t"},"sender":"K7M2Q9X"}';
    const incoming = readIncoming(frame(twice));
    if (incoming.kind !== 'envelope') throw new Error(incoming.kind);
    expect(incoming.envelope.claims).toBe('E011T7D');
    expect(readVerified(incoming.envelope)).toBeNull();
  });

  test('a long text is looked through in time', () => {
    const data = `{"x":"${'\\"'.repeat(100_000)}","sender":"E011T7D"}`;
    const startedMs = performance.now();
    expect(readIncoming(frame(data))).toMatchObject({ kind: 'envelope', envelope: { claims: 'E011T7D' } });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});

test('base64 has one form for each text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64(text)).toEqual(bytes);
    }),
  );
  for (const other of ['AB==', 'AA', 'AA=', ' AA==', 'A-A=', 'AAA=\n', '='])
    expect(fromBase64(other)).toBeNull();
});

test('content of another make is read or ignored, never half', () => {
  const message = { type: 'message', body: { any: [1, 'thing'] }, at: '' } as const;
  expect(decodeContent(encodeContent(message))).toEqual(message);
  for (const odd of [
    '',
    '1',
    'null',
    '[]',
    '{}',
    '{"type":"message"}',
    '{"type":"read"}',
    '{"type":"wave","body":1}',
  ]) {
    expect(decodeContent(new TextEncoder().encode(odd))).toBeNull();
  }
  expect(decodeContent(Uint8Array.of(0xff))).toBeNull();
});

describe('what was seen, sent, received', () => {
  test('the last 300 ids of a sender are remembered, over a restart too', async () => {
    const storage = memoryStorage();
    const records = await Records.open(storage);
    const seen = new Seen('E011T7D', records);
    for (let number = 0; number < 400; number++) {
      const batch = new Batch();
      seen.add(`id-${number}`, batch);
      await records.commit(batch);
    }
    const again = new Seen('E011T7D', await Records.open(storage));
    expect([
      seen.has('id-99'),
      seen.has('id-100'),
      again.has('id-99'),
      again.has('id-100'),
      again.has('id-399'),
    ]).toEqual([false, true, false, true, true]);
    expect((await storage.load()).size).toBe(300);
  });

  test('a cumulative receipt covers what was sent before it, each message once', async () => {
    const storage = memoryStorage();
    const records = await Records.open(storage);
    const marks = new Marks('E011T7D', records);
    const batch = new Batch();
    for (const id of ['a', 'b', 'c', 'd']) marks.sent(id, batch);
    expect(marks.delivered('b', batch)).toEqual(['a', 'b']);
    expect(marks.delivered('c', batch)).toEqual(['c']);
    expect(marks.read('b', batch)).toEqual(['a', 'b']);
    expect(marks.delivered('b', batch)).toEqual([]);
    await records.commit(batch);
    const again = new Marks('E011T7D', await Records.open(storage));
    expect(again.delivered('d', batch)).toEqual(['d']);
    expect(again.read('x', batch)).toEqual([]);
    expect(again.read('d', batch)).toEqual(['c', 'd']);
  });

  test('envelopes are confirmed only once they are stored, cumulatively, and never on another socket', async () => {
    vi.useFakeTimers();
    const confirmed: string[] = [];
    let store = () => {};
    const receiver = new Receiver({
      take: () => new Promise((resolve) => (store = resolve)),
      confirm: (seq) => confirmed.push(seq),
      onFlood: () => {},
      onBroken: () => {},
    });
    const envelope = (seq: string) => ({ claims: 'E011T7D', data: new Uint8Array(10), signature: '', seq });
    receiver.push(envelope('1'));
    receiver.push(envelope('2'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(confirmed).toEqual([]);
    store();
    await vi.advanceTimersByTimeAsync(100);
    store();
    await vi.advanceTimersByTimeAsync(100);
    expect(confirmed).toEqual(['2']);
    receiver.push(envelope('3'));
    await vi.advanceTimersByTimeAsync(0);
    receiver.reset();
    store();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(confirmed).toEqual(['2']);
    vi.useRealTimers();
  });

  test('a program that does not listen stops the flow instead of filling the memory', async () => {
    const taken: number[] = [];
    const receiver: Receiver = new Receiver({
      take: async () => {
        taken.push(1);
        receiver.added();
      },
      confirm: () => {},
      onFlood: () => {},
      onBroken: () => {},
    });
    for (let round = 0; round < 3; round++) {
      for (let number = 0; number < 1_000; number++) {
        receiver.push({ claims: 'E011T7D', data: new Uint8Array(1), signature: '', seq: null });
      }
      await vi.waitFor(() => expect(taken.length).toBe(Math.min(2_000, (round + 1) * 1_000)));
    }
    receiver.handled();
    await vi.waitFor(() => expect(taken.length).toBe(2_001));
    receiver.close();
  });
});

describe('a file as storage', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'keyrelay-'));
  });
  afterEach(() => fs.rm(folder, { recursive: true }));
  const changes = (entries: Record<string, string | null>) => new Map(Object.entries(entries));

  test('has what was written, and not what was removed', async () => {
    const path = join(folder, 'a.jsonl');
    const storage = fileStorage(path, fs);
    expect(await storage.load()).toEqual(new Map());
    await storage.write(changes({ a: '1', b: '2' }));
    await storage.write(changes({ a: null, c: '3\n' }));
    expect(await fileStorage(path, fs).load()).toEqual(changes({ b: '2', c: '3\n' }));
  });

  test('loses nothing but the write that a crash tore', async () => {
    const path = join(folder, 'a.jsonl');
    const storage = fileStorage(path, fs);
    await storage.load();
    await storage.write(changes({ a: '1' }));
    const whole = await fs.readFile(path, 'utf8');
    await storage.write(changes({ a: '2', b: '2' }));
    const longer = await fs.readFile(path, 'utf8');
    for (let end = whole.length; end < longer.length; end++) {
      await fs.writeFile(path, longer.slice(0, end));
      expect(await fileStorage(path, fs).load()).toEqual(changes({ a: '1' }));
    }
  });

  test('goes on after a write that failed half way', async () => {
    const path = join(folder, 'a.jsonl');
    let full = false;
    const storage = fileStorage(path, {
      readFile: fs.readFile,
      writeFile: fs.writeFile,
      rename: fs.rename,
      appendFile: async (to, text, options) => {
        await fs.appendFile(to, full ? text.slice(0, 5) : text, options);
        if (full) throw new Error('ENOSPC');
      },
    });
    await storage.load();
    await storage.write(changes({ a: '1' }));
    full = true;
    await expect(storage.write(changes({ b: '2' }))).rejects.toMatchObject({ code: 'storage_failed' });
    full = false;
    await storage.write(changes({ c: '3' }));
    expect(await fileStorage(path, fs).load()).toEqual(changes({ a: '1', c: '3' }));
  });

  test('does not take another file for its own', async () => {
    const path = join(folder, 'a.jsonl');
    await fs.writeFile(path, 'not\nours\n');
    await expect(fileStorage(path, fs).load()).rejects.toMatchObject({ code: 'storage_failed' });
    expect(await fs.readFile(path, 'utf8')).toBe('not\nours\n');
  });
});

describe('of all tabs, one speaks', () => {
  /** The Web Locks of one browser, as the standard has them, for one name. */
  class OneLock implements Locks {
    #held: { steal: () => void } | null = null;
    #line: (() => void)[] = [];

    async request(
      _name: string,
      options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
      callback: (lock: object | null) => Promise<void>,
    ): Promise<unknown> {
      if (options.steal) {
        this.#held?.steal();
        this.#held = null;
      } else if (this.#held !== null && options.ifAvailable) {
        return callback(null);
      }
      while (this.#held !== null) {
        await new Promise<void>((resolve, reject) => {
          this.#line.push(resolve);
          options.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        });
      }
      return new Promise((resolve, reject) => {
        const held = { steal: () => reject(new DOMException('stolen', 'AbortError')) };
        this.#held = held;
        void callback({}).then(() => {
          if (this.#held !== held) return;
          this.#held = null;
          resolve(undefined);
          for (const next of this.#line.splice(0)) next();
        });
      });
    }
  }

  test('the next gets the lock when the first lets go', async () => {
    const locks = new OneLock();
    const first = await takeTabLock({ locks, name: 'x' });
    let told = 0;
    const waiting = takeTabLock({
      locks,
      name: 'x',
      onElsewhere: () => {
        told += 1;
      },
    });
    await vi.waitFor(() => expect(told).toBe(1));
    first.release();
    await waiting;
  });

  test('the next may take it, and then the first is told', async () => {
    const locks = new OneLock();
    const first = await takeTabLock({ locks, name: 'x' });
    const second = await takeTabLock({ locks, name: 'x', onElsewhere: (takeOver) => takeOver() });
    await first.lost;
    let lost = false;
    void second.lost.then(() => {
      lost = true;
    });
    second.release();
    await takeTabLock({ locks, name: 'x' });
    expect(lost).toBe(false);
  });

  test('who no longer waits gets nothing', async () => {
    const locks = new OneLock();
    await takeTabLock({ locks, name: 'x' });
    const aborter = new AbortController();
    const waiting = takeTabLock({ locks, name: 'x', signal: aborter.signal });
    aborter.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });
});
