import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { readIncoming, readVerified } from '../../../../src/client/connection/incoming.ts';
import { Receiver, type ReceiverOptions } from '../../../../src/client/receiving/receiver.ts';
import { Seen } from '../../../../src/client/receiving/seen.ts';
import { decodeContent, encodeContent } from '../../../../src/client/sending/content.ts';
import { Batch, Records } from '../../../../src/client/storage/records.ts';
import { memoryStorage } from '../../../../src/client/storage/storage.ts';
import { fromBase64, toBase64 } from '../../../../src/crypto/base64.ts';

describe('frames as they come', () => {
  const signature = '0'.repeat(128);
  const frame = (data: string, tail = '') => `{"data":${data},"signature":"${signature}"${tail}}`;

  test('are cut at the exact bytes, whatever stands in them', () => {
    const text = fc
      .string({ unit: 'grapheme' })
      .filter((value) => value !== '__proto__' && value !== 'sender')
      .map((value) => JSON.stringify(value));
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
  const types = ['{"type":"message"}', '{"type":"read"}', '{"type":"wave","body":1}'];
  for (const odd of ['', '1', 'null', '[]', '{}', ...types]) {
    expect(decodeContent(new TextEncoder().encode(odd))).toBeNull();
  }
  expect(decodeContent(Uint8Array.of(0xff))).toBeNull();
});

describe('what was seen and received', () => {
  const nothing = () => {};
  const receiverWith = (parts: Pick<ReceiverOptions, 'take'> & Partial<ReceiverOptions>) =>
    new Receiver({ confirm: nothing, skip: nothing, onFlood: nothing, onBroken: nothing, ...parts });
  const envelope = (seq: string | null, tries = 1) => ({
    claims: 'E011T7D',
    data: new Uint8Array(10),
    signature: '',
    seq,
    tries,
  });

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
    expect(['id-99', 'id-100'].map((id) => seen.has(id))).toEqual([false, true]);
    expect(['id-99', 'id-100', 'id-399'].map((id) => again.has(id))).toEqual([false, true, true]);
    expect((await storage.load()).size).toBe(300);
  });

  test('envelopes are confirmed only once they are stored, cumulatively, and never on another socket', async () => {
    vi.useFakeTimers();
    const confirmed: string[] = [];
    let store = () => {};
    const receiver = receiverWith({
      take: () => new Promise((resolve) => (store = resolve)),
      confirm: (seq) => confirmed.push(seq),
    });
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

  test('an envelope is skipped at its sixth try, unless this process has survived the sockets of the others', async () => {
    const said: string[] = [];
    const receiver = receiverWith({
      take: async ({ seq }) => void said.push(`take ${seq}`),
      confirm: (seq) => said.push(`ack ${seq}`),
      skip: (seq) => said.push(`skip ${seq}`),
    });
    const push = async (seq: string, tries: number) => {
      receiver.push(envelope(seq, tries));
      await receiver.settled();
    };
    receiver.reset();
    await push('1', 1);
    await push('2', 5);
    await push('3', 6);
    expect(said).toEqual(['take 1', 'take 2', 'ack 2', 'skip 3']);
    receiver.reset();
    await push('4', 6);
    await push('5', 7);
    expect(said.slice(4)).toEqual(['take 4', 'ack 4', 'skip 5']);
    receiver.close();
  });

  test('a program that does not listen stops the flow instead of filling the memory', async () => {
    const taken: number[] = [];
    const receiver: Receiver = receiverWith({
      take: async () => {
        taken.push(1);
        receiver.added();
      },
    });
    for (let round = 0; round < 3; round++) {
      for (let number = 0; number < 1_000; number++) receiver.push(envelope(null));
      await vi.waitFor(() => expect(taken.length).toBe(Math.min(2_000, (round + 1) * 1_000)));
    }
    receiver.handled();
    await vi.waitFor(() => expect(taken.length).toBe(2_001));
    receiver.close();
  });
});
