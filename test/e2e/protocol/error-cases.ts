import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { FrameErrorCode } from '../../../src/protocol/errors.ts';
import { type Scene, toBob } from '../../support/clients/scene.ts';
import { commandText } from '../../support/plain/commands.ts';
import { connectText, envelopeFrame, envelopeText } from '../../support/plain/frames.ts';
import { type ErrorPayload, PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, signHex } from '../../support/plain/users.ts';
import type { RedisServer } from '../../support/redis/redis.ts';

const MAILBOX_ENVELOPES = 10;

/** The relays on which cases are provoked. */
export const relaySettings = (redis: RedisServer) => ({
  memory: {
    RELAY_ENVELOPES_PER_S: '0',
    RELAY_MAILBOX_ENVELOPES: `${MAILBOX_ENVELOPES}`,
    RELAY_MAILBOX_SHARE: '100',
  },
  /** Two in a burst. */
  slow: { RELAY_ENVELOPES_PER_S: '1' },
  redis: { RELAY_REDIS_URL: redis.url },
  noBlocks: { RELAY_MAX_BLOCKS: '0' },
  /** One large envelope may be on its way. */
  narrow: { RELAY_REDIS_URL: redis.url, RELAY_INFLIGHT_BYTES: '65536' },
});

export type RelayKind = keyof ReturnType<typeof relaySettings>;

export interface ErrorCase {
  readonly when: string;
  readonly on?: RelayKind;
  /** Before the login; otherwise after it. */
  readonly before?: true;
  /** Sends what is refused, as the last frame. */
  readonly provoke: (scene: Scene, redis: RedisServer) => void | Promise<void>;
  readonly detail: RegExp;
  /** The code of the close that follows; without it the socket goes on. */
  readonly close?: number;
  readonly more?: (error: ErrorPayload) => void;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const otherKeys = makeKeys();

/** By protocol 2, on a new socket. */
async function provokeCommand(on: Scene, verb: string, payload: unknown): Promise<void> {
  on.socket.ws.close();
  const socket = await PlainClient.login(on.relay.ws, on.alice, { protocol: 2 });
  Object.assign(on, { socket });
  socket.sendData(on.alice, commandText(on.alice.code, verb, payload, 'do'));
}

export const ERROR_CASES: Record<FrameErrorCode, readonly ErrorCase[]> = {
  bad_frame: [
    {
      when: 'the frame is not JSON',
      provoke: ({ socket }) => socket.send('hello'),
      detail: /^.+ \(at byte 0\)$/,
    },
    {
      when: 'a connected socket sends connect',
      provoke: ({ socket, alice }) => socket.sendData(alice, connectText(alice.code)),
      detail: /^this socket is connected already$/,
    },
    {
      when: 'the frame is not JSON before login',
      before: true,
      provoke: ({ socket }) => socket.send('{"data":'),
      detail: /\(at byte 8\)$/,
      close: 4400,
    },
  ],
  bad_signature: [
    {
      when: 'other bytes were signed',
      provoke: (on) => {
        const signature = signHex(on.alice, `${toBob(on)} `);
        on.socket.send(`{"data":${toBob(on)},"signature":"${signature}"}`);
      },
      detail: /^the signature does not verify over these \d+ bytes of data, whose SHA-256 is [0-9a-f]{64}$/,
    },
    {
      when: 'another key has signed a connect',
      before: true,
      provoke: ({ socket, alice }) => socket.sendData(otherKeys, connectText(alice.code)),
      detail: /^the signature does not verify/,
      close: 4401,
    },
    {
      when: 'no user has the code of a connect: the same words',
      before: true,
      provoke: ({ socket, alice }) => socket.sendData(alice, connectText('0000000')),
      detail: new RegExp(`^the signature does not verify .* SHA-256 is ${sha256(connectText('0000000'))}$`),
      close: 4401,
    },
  ],
  bad_challenge: [
    {
      when: 'a connect of protocol 2 has another nonce',
      before: true,
      provoke: async (on) => {
        on.socket.ws.close();
        const socket = await PlainClient.challenged(on.relay.ws);
        Object.assign(on, { socket });
        socket.sendData(on.alice, connectText(on.alice.code, { nonce: 'ab'.repeat(32), audience: null }));
      },
      detail: /^the nonce is not that of the challenge on this socket$/,
      close: 4401,
    },
  ],
  protocol_required: [
    {
      when: 'the account has used protocol 2',
      before: true,
      provoke: async ({ relay, socket, alice }) => {
        await (await PlainClient.login(relay.ws, alice, { protocol: 2 })).close();
        socket.sendData(alice, connectText(alice.code));
      },
      detail: /ask for the subprotocol relay\.v2; if you did, a proxy on the way has removed/,
      close: 4401,
    },
  ],
  banned: [
    {
      when: 'an operator has banned the user',
      on: 'redis',
      before: true,
      provoke: async ({ socket, alice }, redis) => {
        await redis.call('HSET', `user:{${alice.code}}`, 'guard', 'x', 'banned', 4_000_000_000_000_000);
        socket.sendData(alice, connectText(alice.code));
      },
      detail: /^the operator of this relay has banned this account until 2096-10-02T07:06:40\.000Z$/,
      close: 4403,
    },
  ],
  not_connected: [
    {
      when: 'an envelope comes before connect',
      before: true,
      provoke: (on) => on.socket.sendData(on.alice, toBob(on)),
      detail: /^an envelope came before a successful connect: send connect first$/,
      close: 4401,
    },
  ],
  sender_mismatch: [
    {
      when: 'the envelope names another sender',
      provoke: ({ socket, alice, bob }) =>
        socket.sendData(alice, envelopeText({ sender: bob.code, recipient: alice.code })),
      detail: /^this socket belongs to [0-9A-Z]{7}: sender must be [0-9A-Z]{7}, not [0-9A-Z]{7}$/,
    },
  ],
  recipient_unknown: [
    {
      when: 'no user has the code',
      provoke: ({ socket, alice }) => socket.send(envelopeFrame(alice, { recipient: '0000000', id: 'lost' })),
      detail: /^no user has the code 0000000$/,
      more: (error) => expect(error.id).toBe('lost'),
    },
  ],
  id_conflict: [
    {
      when: 'the id was used for other bytes to the same recipient',
      provoke: async (on) => {
        on.socket.sendData(on.alice, toBob(on, { id: 'one', payload: 1 }));
        await on.socket.until(() => on.socket.accepted().length > 0);
        on.socket.sendData(on.alice, toBob(on, { id: 'one', payload: 2 }));
      },
      detail: /^this id was used for other bytes to this recipient: take a new id for a new envelope$/,
      more: (error) => expect(error.id).toBe('one'),
    },
  ],
  mailbox_full: [
    {
      when: 'the mailbox is full',
      provoke: async (on) => {
        for (let n = 0; n < MAILBOX_ENVELOPES; n += 1) on.socket.sendData(on.alice, toBob(on));
        on.socket.sendData(on.alice, toBob(on, { id: 'over' }));
      },
      detail: /^the mailbox of [0-9A-Z]{7} is full: not stored; try again once the recipient has read some$/,
      more: (error) => expect(error.id).toBe('over'),
    },
  ],
  rate_limited: [
    {
      when: 'envelopes come too fast',
      on: 'slow',
      provoke: (on) => {
        for (let n = 0; n < 3; n += 1) on.socket.sendData(on.alice, toBob(on, { id: `fast-${n}` }));
      },
      detail: /^over 1 envelopes or \d+ bytes a second$/,
      more: (error) => {
        expect(error.id).toBe('fast-2');
        expect(error.retry_after_ms).toBeGreaterThan(0);
        expect(error.retry_after_ms).toBeLessThanOrEqual(1_000);
      },
    },
    {
      when: 'more than 16 frames come right behind connect',
      on: 'redis',
      before: true,
      provoke: (on, redis) => {
        on.socket.ws.pause();
        redis.pause();
        on.socket.sendData(on.alice, connectText(on.alice.code));
        for (let n = 0; n < 17; n += 1) on.socket.sendData(on.alice, toBob(on));
        on.socket.ws.resume();
      },
      detail: /^more than 16 frames or 65536 bytes before connect_ack: wait for it$/,
      close: 4429,
      more: (error) => expect(error.retry_after_ms).toBeGreaterThan(0),
    },
  ],
  unknown_command: [
    {
      when: 'the relay has no such command',
      before: true,
      provoke: (on) => provokeCommand(on, 'format_disk', {}),
      detail: /^the relay has no command format_disk: there are block, unblock, /,
      more: (error) => expect(error.id).toBe('do'),
    },
  ],
  bad_command: [
    {
      when: 'a command lacks what it takes',
      before: true,
      provoke: (on) => provokeCommand(on, 'block', {}),
      detail: /^block: code must be a code/,
      more: (error) => expect(error.id).toBe('do'),
    },
  ],
  limit_reached: [
    {
      when: 'one code more is blocked than may be',
      before: true,
      on: 'noBlocks',
      provoke: (on) => provokeCommand(on, 'block', { code: on.bob.code }),
      detail: /^0 codes are blocked already: unblock one first$/,
      more: (error) => expect(error.id).toBe('do'),
    },
  ],
  too_large: [
    {
      when: 'the frame has more than RELAY_MAX_FRAME_BYTES',
      provoke: ({ socket }) => socket.send('x'.repeat(65_537)),
      detail: /^65537 bytes: a frame may have 65536$/,
      close: 1009,
    },
    {
      when: 'the frame has twice as many, before login',
      before: true,
      provoke: ({ socket }) => socket.send('x'.repeat(131_072)),
      detail: /^131072 bytes: a frame may have 65536$/,
      close: 1009,
    },
  ],
  unavailable: [
    {
      when: 'the store does not answer in time',
      on: 'redis',
      provoke: (on, redis) => {
        redis.pause();
        on.socket.sendData(on.alice, toBob(on, { id: 'doubt' }));
      },
      detail: /^the store did not answer in time: not known to be stored; repeat with the same id$/,
      more: (error) => expect(error.id).toBe('doubt'),
    },
    {
      when: 'one sender has too much in flight to the store',
      on: 'narrow',
      provoke: (on, redis) => {
        redis.pause();
        on.socket.sendData(on.alice, toBob(on, { payload: 'x'.repeat(60_000) }));
        on.socket.sendData(on.alice, toBob(on, { id: 'next', payload: 'x'.repeat(60_000) }));
      },
      detail: /^too much is waiting to be stored: repeat with the same id$/,
      more: (error) => expect(error.id).toBe('next'),
    },
    {
      when: 'the store is unavailable during a connect',
      on: 'redis',
      before: true,
      provoke: ({ socket, alice }, redis) => {
        redis.pause();
        socket.sendData(alice, connectText(alice.code));
      },
      detail: /^the store is away: come back later$/,
      close: 1012,
    },
  ],
};
