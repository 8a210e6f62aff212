import { describe, expect, it } from 'vitest';
import type WebSocket from 'ws';
import { plainEnvelope } from '../../support/clients/scene.ts';
import { cutSeq, readServerMessage } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

const PONG_TIMEOUT_MS = 3_000;
/** With nothing new for so long, all has come. */
const QUIET_MS = 1_500;

const relay = relayForTests({
  RELAY_PONG_TIMEOUT_MS: `${PONG_TIMEOUT_MS}`,
  RELAY_PING_INTERVAL_MS: '1000',
});
let alice: PlainUser;
let bob: PlainUser;

async function store(...frames: readonly string[]): Promise<void> {
  const sender = await PlainClient.login(relay.ws, alice);
  for (const frame of frames) sender.send(frame);
  await sender.until(() => sender.accepted().length === frames.length);
  await sender.close();
}

async function newPair(): Promise<void> {
  [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
}

/** Reads one thing after the other, answers pings only as it comes to them, and works for a while on each envelope. */
async function readSlowly(workMs: number, protocol: 1 | 2): Promise<string[]> {
  const things: (() => Promise<void> | void)[] = [];
  const read: string[] = [];
  const client = await PlainClient.login(relay.ws, bob, {
    pongs: 'none',
    protocol,
    onFrame: (frame, { ws }) => {
      if (readServerMessage(`${frame}`) !== null) return;
      things.push(async () => {
        read.push(cutSeq(`${frame}`).signed);
        await new Promise((resolve) => setTimeout(resolve, workMs));
        if (protocol === 2) ws.send(`{"ack":"${cutSeq(`${frame}`).seq}"}`);
      });
    },
  });
  const { ws }: { ws: WebSocket } = client;
  ws.on('ping', (payload: Buffer) => things.push(() => ws.pong(payload)));
  const untilMs = () => performance.now() + QUIET_MS;
  let count = 0;
  for (let endMs = untilMs(); performance.now() < endMs; ) {
    const next = things.shift();
    if (next === undefined && client.closed !== null) break;
    await (next?.() ?? new Promise((resolve) => setTimeout(resolve, 10)));
    if (read.length > count) endMs = untilMs();
    count = read.length;
  }
  if (client.closed === null) await client.close();
  return read;
}

describe.each([1, 2] as const)(
  'a client by protocol %i that answers pings only between reads',
  (protocol) => {
    it('gets everything in the end, though it works longer than the relay waits for a pong', async () => {
      await newPair();
      const frames = Array.from({ length: 5 }, (_, n) => plainEnvelope(alice, bob.code, `m${n}`));
      await store(...frames);
      const reads: string[][] = [];
      for (let login = 0; login < 4 && reads.at(-1)?.length !== 0; login += 1)
        reads.push(await readSlowly(1_000, protocol));
      expect(new Set(reads.flat())).toEqual(new Set(frames));
      expect(reads.at(-1)).toEqual([]);
    }, 90_000);

    it('gets past one envelope that takes longer than that', async () => {
      await newPair();
      await store(plainEnvelope(alice, bob.code, 'long'));
      const reads: string[][] = [];
      for (let login = 0; login < 3 && reads.at(-1)?.length !== 0; login += 1)
        reads.push(await readSlowly(2.2 * PONG_TIMEOUT_MS, protocol));
      expect(reads.map((read) => read.length)).toEqual([1, 1, 0]);
    }, 90_000);
  },
);

describe('an envelope that its recipient cannot read', () => {
  it('leaves the mailbox after three closes with 1009, the largest of those that were sent', async () => {
    await newPair();
    const small = plainEnvelope(alice, bob.code, 'small');
    const big = plainEnvelope(alice, bob.code, 'b'.repeat(64));
    const behind = plainEnvelope(alice, bob.code, 'behind');
    await store(small, big, behind);
    const before = await relay.metric('keyrelay_client_dead_letters_total', 'too_big');
    for (let login = 0; login < 3; login += 1) {
      const client = await PlainClient.login(relay.ws, bob, {
        onFrame: (frame, { ws }) => {
          if (`${frame}` === big) ws.close(1009);
        },
      });
      expect((await client.untilClosed()).code).toBe(1009);
    }
    await relay.untilMetric('keyrelay_client_dead_letters_total', (count) => count === before + 1, 'too_big');
    const client = await PlainClient.login(relay.ws, bob);
    expect(await client.untilEnvelopes(1)).toContain(behind);
    expect(client.envelopes).not.toContain(big);
    await client.close();
  });
});

describe('an envelope on which its client ends', () => {
  it('tells which try it is, from the second on, and leaves the mailbox when it is skipped', async () => {
    await newPair();
    const frames = ['deadly', 'behind'].map((id) => plainEnvelope(alice, bob.code, id));
    await store(...frames);
    for (const tries of [1, 2, 3]) {
      const client = await PlainClient.login(relay.ws, bob, { protocol: 2 });
      const [first = ''] = await client.untilEnvelopes(1);
      expect(cutSeq(first)).toMatchObject({ signed: frames[0], tries });
      expect(first.includes('"tries"')).toBe(tries > 1);
      client.ws.terminate();
      await client.untilClosed();
      await relay.untilMetric('keyrelay_sockets', (count) => count === 0, 'state="connected"');
    }
    const client = await PlainClient.login(relay.ws, bob, { protocol: 2 });
    const [first = ''] = await client.untilEnvelopes(1);
    client.send(`{"skip":"${cutSeq(first).seq}"}`);
    const [, second = ''] = await client.untilEnvelopes(2);
    expect(cutSeq(second)).toMatchObject({ signed: frames[1], tries: 1 });
    client.ack(cutSeq(second).seq ?? '');
    await relay.untilMetric('keyrelay_client_dead_letters_total', (count) => count > 0, 'skipped');
    await client.close();
    const later = await PlainClient.login(relay.ws, bob, { protocol: 2 });
    await later.until(() => later.messages.some(({ type }) => type === 'drained'));
    expect(later.envelopes).toEqual([]);
    await later.close();
  });
});
