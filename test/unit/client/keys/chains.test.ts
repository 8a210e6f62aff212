import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JUMP_MAX } from '../../../../src/client/keys/messages/chains.ts';
import {
  openMessage,
  readMessage,
  sealMessage,
} from '../../../../src/client/keys/messages/message-cipher.ts';
import { plainChain } from '../../../../src/client/keys/messages/plain-chains.ts';
import type { Session } from '../../../../src/client/keys/messages/sessions.ts';

const ID = 'ab'.repeat(32);
const KEY = '11'.repeat(32);
const text = (number: number) => new TextEncoder().encode(`message ${number}`);

function session(version: 1 | 2): Session {
  const chain = version === 1 ? plainChain(KEY) : { key: KEY, next: 0, link: ID, missing: [] };
  const about = { generation: 1, smallerAsked: true, proven: true, hybrid: false, static: false, atMs: 0 };
  return { id: ID, version, role: 'initiator', send: chain, receive: chain, ...about };
}

/** Both ends of one direction. */
class Line {
  sender: Session;
  receiver: Session;
  #count = 0;

  constructor(version: 1 | 2 = 2) {
    this.sender = session(version);
    this.receiver = session(version);
  }

  seal(): object {
    const sealed = sealMessage(text(this.#count++), {
      session: this.sender,
      sender: 'E011T7D',
      recipient: 'K7M2Q9X',
    });
    this.sender = sealed.session;
    return sealed.payload;
  }

  open(payload: object): string {
    const message = readMessage(payload);
    if (message === null) return 'malformed';
    const opened = openMessage(message, { session: this.receiver, sender: 'E011T7D', recipient: 'K7M2Q9X' });
    if (opened.outcome !== 'opened') return opened.outcome;
    this.receiver = opened.session;
    return new TextDecoder().decode(opened.plaintext);
  }
}

describe.each([1, 2] as const)('messages under one exchange of version %i', (version) => {
  test('open once each, in whatever order they come', () => {
    const order = fc.shuffledSubarray(
      Array.from({ length: 20 }, (_, index) => index),
      { minLength: 20 },
    );
    fc.assert(
      fc.property(order, (coming) => {
        const line = new Line(version);
        const payloads = Array.from({ length: 20 }, () => line.seal());
        for (const index of coming) expect(line.open(payloads[index] ?? {})).toBe(`message ${index}`);
        for (const index of coming) expect(line.open(payloads[index] ?? {})).toBe('used');
        expect(line.receiver.receive.missing).toEqual([]);
      }),
      { numRuns: 50, seed: 5 },
    );
  });

  test('an altered one changes nothing, and neither does its counter', () => {
    const line = new Line(version);
    const [first, second] = [line.seal(), line.seal()] as Record<string, unknown>[];
    const { receiver } = line;
    for (const counter of [1, 7, JUMP_MAX, JUMP_MAX + 1, 10_000, 10_001, 2 ** 53 - 1]) {
      expect(line.open({ ...first, counter })).toBe('foreign');
    }
    expect(line.open({ ...first, counter: 2 ** 53 })).toBe('malformed');
    expect(line.open({ ...first, exchange: 'cd'.repeat(32) })).toBe('foreign');
    expect(line.open({ ...first, ciphertext: second?.ciphertext })).toBe('foreign');
    expect(line.receiver).toBe(receiver);
    expect(line.open(first ?? {})).toBe('message 0');
  });

  test('of missing ones the keys of the last 256 are kept', () => {
    const line = new Line(version);
    const payloads = Array.from({ length: 300 }, () => line.seal());
    expect(line.open(payloads[299] ?? {})).toBe('message 299');
    expect(line.receiver.receive.missing).toHaveLength(256);
    expect([line.open(payloads[42] ?? {}), line.open(payloads[43] ?? {})]).toEqual(['used', 'message 43']);
  });
});

describe('what a stolen state opens', () => {
  test('nothing that was opened before, and nothing that was sent before', () => {
    const line = new Line();
    const payloads = [line.seal(), line.seal(), line.seal()];
    for (const payload of payloads) line.open(payload);
    const thief = new Line();
    thief.receiver = line.receiver;
    for (const payload of payloads) expect(thief.open(payload)).toBe('used');
    // With the chain key in hand: no counter of the past has a key.
    thief.receiver = { ...line.sender, receive: { ...line.sender.send, missing: [] } };
    for (const payload of payloads) expect(thief.open(payload)).toBe('used');
    const serialised = JSON.stringify([line.sender.send, line.receiver.receive]);
    expect(serialised).not.toContain(KEY);
  });
});

describe('the chain of messages', () => {
  test('a message that does not continue the one before is refused', () => {
    // A sender whose state was put back has used a counter twice.
    const line = new Line();
    const { sender } = line;
    const first = line.seal();
    line.open(first);
    line.sender = sender;
    line.seal();
    const after = line.seal();
    expect(line.open(after)).toBe('foreign');
  });

  test('a late message must be the one that the next was linked to', () => {
    const line = new Line();
    line.open(line.seal());
    const { sender } = line;
    const second = line.seal();
    line.open(line.seal());
    // Another second message, under the same key, by the same sender.
    const forked = new Line();
    forked.sender = sender;
    const other = forked.seal();
    expect(line.open(other)).toBe('foreign');
    expect(line.open(second)).toBe('message 1');
  });

  test('of several missing ones each is held against its neighbours', () => {
    const line = new Line();
    line.open(line.seal());
    const { sender } = line;
    const payloads = [line.seal(), line.seal(), line.seal()];
    line.open(line.seal());
    const forked = new Line();
    forked.sender = sender;
    const others = [forked.seal(), forked.seal()];
    expect(line.open(payloads[1] ?? {})).toBe('message 2');
    // Known by now: what stands before the second, so what the first must lead to.
    expect(line.open(others[0] ?? {})).toBe('foreign');
    expect(line.open(payloads[0] ?? {})).toBe('message 1');
    expect(line.open(payloads[2] ?? {})).toBe('message 3');
  });

  test('every message has a key of its own', () => {
    const keys = new Set<string>();
    const line = new Line();
    for (let n = 0; n < 100; n++) {
      keys.add(line.sender.send.key);
      line.seal();
    }
    expect(keys.size).toBe(100);
  });
});
