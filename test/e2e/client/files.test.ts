import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Conversation, FileOffer, FileProgress } from '../../../src/client/index.ts';
import { fileOf, MemorySink } from '../../support/clients/files.ts';
import { begun, type Person, peopleForTests, take } from '../../support/clients/sdk.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const people = peopleForTests();
const relay = relayForTests();

/** The offer that comes with the next message. */
async function offered(conversation: Conversation): Promise<FileOffer> {
  const [message] = await take(conversation, 1);
  if (message?.file === undefined) throw new Error('no file came with the message');
  return message.file;
}

/** A person who goes and comes back. */
async function again(person: Person, url = relay.http): ReturnType<typeof people.back> {
  await person.relay.close();
  return people.back(url, person);
}

function progressOf(conversation: Conversation): FileProgress[] {
  const seen: FileProgress[] = [];
  conversation.on('file', (progress) => seen.push(progress));
  return seen;
}

describe('a file', () => {
  test('arrives as it was, with its name, type and digest, and both sides see its progress', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const [forth, back] = [progressOf(toBob), progressOf(toAlice)];
    const bytes = randomBytes(700_001);
    const source = { ...fileOf('Ä picture.png', bytes), type: 'image/png' };
    const sent = await toBob.sendFile(source, { caption: 'Look!', preview: 'data:image/png;base64,AAAA' });
    expect(sent.fitsMailbox).toBe(false);
    const [message] = await take(toAlice, 1);
    expect(message).toMatchObject({ id: sent.messageId, body: 'Look!' });
    expect(message?.file).toMatchObject({
      name: 'Ä picture.png',
      type: 'image/png',
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      preview: 'data:image/png;base64,AAAA',
    });
    const sink = new MemorySink(bytes.length);
    await toAlice.receiveFile(sent.offer.id, sink).done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
    await sent.done;
    expect(forth.at(-1)).toMatchObject({ direction: 'sending', state: 'done', bytes: bytes.length });
    expect(back.at(-1)).toMatchObject({ direction: 'receiving', state: 'done', bytes: bytes.length });
    const moved = back.map((progress) => progress.bytes);
    expect(moved).toEqual([...moved].sort((left, right) => left - right));
    expect(toBob.files).toMatchObject([{ file: sent.offer.id, state: 'done' }]);
  });

  test.each([0, 1, 48_384, 48_385])('of %d bytes arrives', async (size) => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const bytes = randomBytes(size);
    const sent = await toBob.sendFile(fileOf('x', bytes));
    const sink = new MemorySink(size);
    await toAlice.receiveFile((await offered(toAlice)).id, sink).done;
    await sent.done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
  });

  test('of 5 MB goes to a recipient who is there without one refusal, and messages overtake it', async () => {
    const { alice, toBob, toAlice } = await people.acquainted(relay.http);
    const refusals: string[] = [];
    alice.relay.on('frame', ({ direction, text }) => {
      if (direction === 'received' && text.includes('"type":"error"')) refusals.push(text);
    });
    const bytes = randomBytes(5_000_000);
    const sent = await toBob.sendFile(fileOf('large.bin', bytes));
    const { id } = await offered(toAlice);
    const sink = new MemorySink(bytes.length);
    const startedMs = performance.now();
    const receiving = toAlice.receiveFile(id, sink);
    await until(() => sink.writes > 2, { what: 'the first parts' });
    const meanwhile = toBob.send('meanwhile');
    await take(toAlice, 1);
    await meanwhile.delivered;
    expect(receiving.progress.state).toBe('moving');
    await receiving.done;
    const seconds = (performance.now() - startedMs) / 1000;
    console.info(`5 MB between two SDKs over one relay: ${seconds.toFixed(1)} s`);
    await sent.done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
    // Each refusal would be a pause: of the mailbox, or of the rate.
    expect(refusals).toEqual([]);
  });

  test('that is small waits in the mailbox of a recipient who is away, and its sender may leave', async () => {
    const { alice, bob, toBob } = await people.acquainted(relay.http);
    await bob.relay.close();
    const bytes = randomBytes(300_000);
    const sent = await toBob.sendFile(fileOf('small.bin', bytes));
    expect(sent.fitsMailbox).toBe(true);
    await sent.stored;
    await alice.relay.close();
    const { person, conversation } = await again(bob);
    const { id } = await offered(conversation);
    // What came early survives a restart before the program wanted it.
    await until(() => conversation.files[0]?.bytes === bytes.length, { what: 'all parts' });
    const { conversation: later } = await again(person);
    const sink = new MemorySink(bytes.length);
    await later.receiveFile(id, sink).done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
    // Alice learns of it when she is back.
    const { conversation: toBobAgain } = await again(alice);
    await until(() => toBobAgain.files[0]?.state === 'done', { what: 'the word that it has arrived' });
  });

  test('that is large waits at its sender until the other asks, and fills no mailbox', async () => {
    const { bob, toBob } = await people.acquainted(relay.http);
    await bob.relay.close();
    const bytes = randomBytes(2_000_000);
    const sent = await toBob.sendFile(fileOf('large.bin', bytes));
    expect(sent.fitsMailbox).toBe(false);
    await sent.stored;
    // Messages behind it are not held up.
    await toBob.send('behind it').stored;
    const { conversation } = await again(bob);
    const messages = await take(conversation, 2);
    expect(messages.map(({ body }) => body)).toEqual(['large.bin', 'behind it']);
    const sink = new MemorySink(bytes.length);
    await conversation.receiveFile(sent.offer.id, sink).done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
  });

  test('is not resumed from the start when either side, or the relay, was away in between', async () => {
    const slow = await processes.relay({ RELAY_BYTES_PER_S: '400000' });
    const { alice, bob, toBob, toAlice } = await people.acquainted(slow.http);
    const bytes = randomBytes(1_500_000);
    const sent = await toBob.sendFile(fileOf('long.bin', bytes));
    const { id } = await offered(toAlice);
    const sink = new MemorySink(bytes.length);
    toAlice.receiveFile(id, sink).done.catch(() => {});
    const soFar = (parts: number) => until(() => sink.writes >= parts, { what: `${parts} parts` });
    await soFar(5);
    // The recipient goes. What was noted of it is at most a second old.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { person: bobAgain, conversation: toAliceAgain } = await again(bob, slow.http);
    expect(toAliceAgain.files[0]).toMatchObject({ file: id, state: 'paused' });
    toAliceAgain.receiveFile(id, sink).done.catch(() => {});
    await soFar(14);
    // The sender goes, and has the file when it is back.
    const { conversation: toBobAgain } = await again(alice, slow.http);
    expect(toBobAgain.files[0]).toMatchObject({ file: id, state: 'paused' });
    const resumed = toBobAgain.resumeFile(id, fileOf('long.bin', bytes));
    await resumed.done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
    // 32 parts; each break may cost what was on its way, and what was not noted yet.
    expect(sink.writes).toBeLessThan(32 + 24);
    await bobAgain.relay.close();
    await expect(sent.done).rejects.toMatchObject({ code: 'closed' });
  });

  test('is not given up because a program closes its file with the relay, while parts come', async () => {
    const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
    const bytes = randomBytes(2_000_000);
    let closed = false;
    const orClosed = async <Result>(work: Promise<Result>) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (closed) throw new Error('EBADF');
      return work;
    };
    const memory = new MemorySink(bytes.length);
    const sink = {
      write: (offset: number, part: Uint8Array) => orClosed(memory.write(offset, part)),
      read: (offset: number, length: number) => orClosed(memory.read(offset, length)),
    };
    const source = fileOf('long.bin', bytes);
    const reading = (offset: number, length: number) => orClosed(source.read(offset, length));
    const sent = await toBob.sendFile({ ...source, read: reading });
    const { id } = await offered(toAlice);
    const receiving = toAlice.receiveFile(id, sink);
    await until(() => memory.writes >= 3, { what: 'parts' });
    const closing = [alice, bob].map((person) => person.relay.close());
    closed = true;
    await Promise.all(closing);
    for (const { done } of [sent, receiving]) await expect(done).rejects.toMatchObject({ code: 'closed' });
    closed = false;
    const [aliceAgain, bobAgain] = [await again(alice), await again(bob)];
    const paused = { file: id, state: 'paused' };
    expect(aliceAgain.conversation.files).toMatchObject([paused]);
    expect(bobAgain.conversation.files).toMatchObject([paused]);
    bobAgain.conversation.receiveFile(id, memory).done.catch(() => {});
    await aliceAgain.conversation.resumeFile(id, source).done;
    expect(Buffer.from(memory.bytes).equals(bytes)).toBe(true);
  });

  test.each(['sender', 'recipient'] as const)(
    'that its %s gives up ends on both sides',
    async (side) => {
      const slow = await processes.relay({ RELAY_BYTES_PER_S: '500000' });
      const { toBob, toAlice } = await people.acquainted(slow.http);
      const bytes = randomBytes(2_000_000);
      const sent = await toBob.sendFile(fileOf('long.bin', bytes));
      const sink = new MemorySink(bytes.length);
      const receiving = toAlice.receiveFile((await offered(toAlice)).id, sink);
      await until(() => sink.writes > 1, { what: 'the first parts' });
      if (side === 'sender') sent.cancel();
      else receiving.cancel();
      await expect(sent.done).rejects.toMatchObject({ code: 'cancelled' });
      await expect(receiving.done).rejects.toMatchObject({ code: 'cancelled' });
      // Nothing of it is in the way of the next.
      const next = await toBob.sendFile(fileOf('next', randomBytes(100)));
      await toAlice.receiveFile((await offered(toAlice)).id, new MemorySink(100)).done;
      await next.done;
    },
    40_000,
  );

  test('given up while the other is away is not sent when the other comes back', async () => {
    const { bob, toBob } = await people.acquainted(relay.http);
    await bob.relay.close();
    const sent = await toBob.sendFile(fileOf('regretted', randomBytes(1_000_000)));
    await sent.stored;
    sent.cancel();
    const { conversation } = await again(bob);
    const { id } = await offered(conversation);
    await expect(conversation.receiveFile(id, new MemorySink(1_000_000)).done).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  test('whose bytes change on the way does not arrive as something else', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const bytes = randomBytes(200_000);
    const sent = await toBob.sendFile(fileOf('changing', bytes), { sha256: '00'.repeat(32) });
    const receiving = toAlice.receiveFile((await offered(toAlice)).id, new MemorySink(bytes.length));
    await expect(receiving.done).rejects.toMatchObject({ code: 'file_failed' });
    await expect(sent.done).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('that becomes shorter on the way fails on both sides', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const bytes = randomBytes(900_000);
    let end = bytes.length;
    const source = {
      ...fileOf('shrinking', bytes),
      read: async (offset: number, length: number) => bytes.subarray(offset, Math.min(end, offset + length)),
    };
    const sent = await toBob.sendFile(source);
    end = 300_000;
    const receiving = toAlice.receiveFile((await offered(toAlice)).id, new MemorySink(bytes.length));
    await expect(sent.done).rejects.toMatchObject({ code: 'file_failed' });
    await expect(receiving.done).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('that cannot be written fails on both sides, and the conversation goes on', async () => {
    const { toBob, toAlice } = await people.acquainted(relay.http);
    const sent = await toBob.sendFile(fileOf('x', randomBytes(100_000)));
    const full = { write: () => Promise.reject(new Error('ENOSPC')), read: async () => new Uint8Array() };
    const receiving = toAlice.receiveFile((await offered(toAlice)).id, full);
    await expect(receiving.done).rejects.toMatchObject({ code: 'file_failed' });
    await expect(sent.done).rejects.toMatchObject({ code: 'cancelled' });
    const after = toBob.send('still here');
    await take(toAlice, 1);
    await after.delivered;
  });

  test('waits out a mailbox whose share is smaller than it thought', async () => {
    const tight = await processes.relay({ RELAY_MAILBOX_BYTES: '1048576', RELAY_MAILBOX_SHARE: '10' });
    const { bob, toBob } = await people.acquainted(tight.http);
    await bob.relay.close();
    const bytes = randomBytes(90_000);
    const sent = await toBob.sendFile(fileOf('x', bytes));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { conversation } = await again(bob, tight.http);
    const sink = new MemorySink(bytes.length);
    await conversation.receiveFile((await offered(conversation)).id, sink).done;
    await sent.done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
  });

  test.each([
    ['by protocol 1', {}, 1],
    ['through a relay with small frames', { RELAY_MAX_FRAME_BYTES: '8192' }, 2],
  ] as const)('goes %s', async (_, settings, protocol) => {
    const other = await processes.relay(settings);
    const [alice, bob] = [await people.join(other.http, { protocol }), await people.join(other.http)];
    const { toBob, toAlice } = await begun(alice, bob);
    const bytes = randomBytes(60_000);
    const sent = await toBob.sendFile(fileOf('x', bytes));
    const sink = new MemorySink(bytes.length);
    await toAlice.receiveFile((await offered(toAlice)).id, sink).done;
    await sent.done;
    expect(Buffer.from(sink.bytes).equals(bytes)).toBe(true);
  });
});
