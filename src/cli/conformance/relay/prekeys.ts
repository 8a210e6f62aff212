import { randomBytes } from 'node:crypto';
import { demand, envelope, frameOf, newExchangeKey, same, signature, type User } from '../peer.ts';
import type { Socket } from '../socket.ts';
import type { Target } from '../target.ts';
import type { Case } from './case.ts';

const SECTION = '4 Protocol 2';

interface Own {
  readonly generation: number;
  readonly left: number;
  readonly store: string;
}

/** Logged in by protocol 2, after `drained`, with what `connect_ack` says of the user's own batch. */
async function enter(target: Target, user: User): Promise<{ socket: Socket; own: Own }> {
  const socket = await target.login(user, 2);
  await socket.fromServer('drained');
  const { prekeys } = socket.ack.payload as { prekeys?: Own };
  demand(prekeys !== undefined, 'connect_ack has no prekeys');
  return { socket, own: prekeys };
}

/** Two keys and one of last resort, signed, and where they are to be published. */
function batchOf(user: User, generation: number, store: string) {
  const keys = [newExchangeKey(), newExchangeKey()];
  // FIPS 203, 7.2: coefficients below 3,329, and 32 bytes that may be anything.
  const kem = Buffer.concat([Buffer.alloc(1_152), randomBytes(32)]).toString('base64');
  const text = `relay-prekeys:${user.code}:${generation}:${kem}:${keys.join(',')}`;
  const signed = { generation, keys, kem_public_key: kem, signature: signature(user, text) };
  return { signed, command: { ...signed, store } };
}

function frameFor(user: User, type: string, payload: object, id?: string): string {
  return frameOf(user, envelope(user, 'server', JSON.stringify(payload), { type, ...(id && { id }) }));
}

async function resultOf(socket: Socket, frame: string): Promise<unknown> {
  socket.ws.send(frame);
  return (await socket.fromServer('accepted')).payload.result;
}

/** What a claim is answered with, in one order of members. */
function ordered(result: unknown): unknown {
  const { generation, keys, kem_public_key, signature: by, index } = result as Record<string, unknown>;
  return { generation, keys, kem_public_key, signature: by, index };
}

export const PREKEY_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'prekeys are handed on as they were signed, each to one claim, and connect_ack counts what is left',
    run: async (target) => {
      const bob = await target.user();
      const first = await enter(target, bob);
      same('generation and left', [first.own.generation, first.own.left], [0, 0]);
      const { signed, command } = batchOf(bob, 1, first.own.store);
      await resultOf(first.socket, frameFor(bob, 'prekeys', command));
      first.socket.ws.terminate();
      for (const index of [0, 1, null]) {
        const alice = await target.user();
        const { socket } = await enter(target, alice);
        const claim = frameFor(alice, 'prekey_claim', { code: bob.code }, 'claim');
        const expected = { ...signed, index };
        same('what a claim gets', ordered(await resultOf(socket, claim)), expected);
        same('what the same claim gets again', ordered(await resultOf(socket, claim)), expected);
        const more = await resultOf(socket, frameFor(alice, 'prekey_claim', { code: bob.code }));
        same('what a second claim of the day gets', ordered(more), { ...signed, index: null });
      }
      const { own } = await enter(target, bob);
      same('generation and left', [own.generation, own.left], [1, 0]);
    },
  },
  {
    section: SECTION,
    name: 'prekeys of another signer, for another store or of an older generation are bad_command; without any, a claim gets {}',
    run: async (target) => {
      const [alice, bob] = [await target.user(), await target.user()];
      const { socket, own } = await enter(target, bob);
      const bad = [
        batchOf(alice, 1, own.store),
        batchOf(bob, 1, `${own.store}x`),
        batchOf(bob, 0, own.store),
      ];
      for (const { command } of bad) {
        socket.ws.send(frameFor(bob, 'prekeys', command));
        await socket.refused('bad_command');
      }
      const asking = (await enter(target, alice)).socket;
      same(
        'what a claim gets',
        await resultOf(asking, frameFor(alice, 'prekey_claim', { code: bob.code })),
        {},
      );
      await resultOf(socket, frameFor(bob, 'prekeys', batchOf(bob, 5, own.store).command));
      socket.ws.send(frameFor(bob, 'prekeys', batchOf(bob, 4, own.store).command));
      await socket.refused('bad_command');
    },
  },
];
