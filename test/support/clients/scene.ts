import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { connectText, envelopeFrame, envelopeText } from '../plain/frames.ts';
import { PlainClient } from '../plain/plain-client.ts';
import { type PlainUser, registerUser } from '../plain/users.ts';
import type { RelayNode } from '../servers/relay-node.ts';

/** Alice with a socket, and Bob, who is offline. New users for every test: limits and faults of one do not affect another. */
export interface Scene {
  readonly relay: RelayNode;
  readonly alice: PlainUser;
  readonly bob: PlainUser;
  readonly socket: PlainClient;
}

/** Her socket is open and not logged in. */
export async function scene(relay: RelayNode): Promise<Scene> {
  const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
  return { relay, alice, bob, socket: await PlainClient.open(relay.ws) };
}

/** She is logged in by protocol 1. */
export async function loggedIn(relay: RelayNode): Promise<Scene> {
  const on = await scene(relay);
  on.socket.sendData(on.alice, connectText(on.alice.code));
  await on.socket.until(() => on.socket.received.length > 0);
  return on;
}

/** The text of an envelope from Alice to Bob. */
export function toBob({ alice, bob }: Scene, more: { id?: string; payload?: unknown } = {}): string {
  return envelopeText({ sender: alice.code, recipient: bob.code, ...more });
}

/** Her socket still works: an envelope to herself arrives. */
export async function proveOpen({ socket, alice }: Scene): Promise<void> {
  const before = socket.envelopes.length;
  const frame = envelopeFrame(alice, { recipient: alice.code, payload: 'open' });
  socket.send(frame);
  const arrived = (await socket.untilEnvelopes(before + 1)).at(-1);
  expect(arrived?.replace(/,"seq":"[^"]+"}$/, '}')).toBe(frame);
}

/** An empty envelope with a new id. */
export function plainEnvelope(
  sender: PlainUser,
  recipient: string,
  id = randomBytes(8).toString('hex'),
): string {
  return envelopeFrame(sender, { recipient, id });
}

/** How many envelopes of this socket have been answered, one way or the other. */
export const answers = (client: PlainClient): number => client.errors().length + client.accepted().length;

let ids = 0;

/**
 * Sends an envelope with a new id, and resolves with its frame once it is stored: by then so is everything sent
 * before it on this socket to the same recipient.
 */
export async function sendStored(
  socket: PlainClient,
  envelope: { readonly sender: PlainUser; readonly recipient: string; readonly payload?: unknown },
): Promise<string> {
  ids += 1;
  const id = `stored-${ids}`;
  const { sender, recipient, payload } = envelope;
  const frame = envelopeFrame(sender, { recipient, id, payload });
  socket.send(frame);
  await socket.until(() => socket.accepted().includes(id));
  return frame;
}
