import { envelopeText } from './frames.ts';
import type { ErrorPayload, PlainClient } from './plain-client.ts';
import type { PlainUser } from './users.ts';

export interface CommandAnswer {
  /** What was carried out tells this; undefined if nothing. */
  readonly result?: Record<string, unknown> | undefined;
  readonly error?: ErrorPayload;
}

let ids = 0;

/** The frame's data of a command to the relay, as docs/protocol.md prints it. */
export function commandText(sender: string, verb: string, payload: unknown, id: string): string {
  return envelopeText({ sender, recipient: 'server', id, type: verb, payload });
}

/** Sends a command on a socket of protocol 2, and resolves with what the relay answers to it. */
export async function command(
  socket: PlainClient,
  user: PlainUser,
  verb: string,
  payload?: unknown,
): Promise<CommandAnswer> {
  ids += 1;
  const id = `command-${ids}`;
  socket.sendData(user, commandText(user.code, verb, payload, id));
  const answer = () =>
    socket.messages.find(({ type, payload }) => ['accepted', 'error'].includes(type) && payload.id === id);
  await socket.until(() => answer() !== undefined);
  const message = answer();
  if (message?.type === 'error') return { error: message.payload as unknown as ErrorPayload };
  return { result: message?.payload.result as Record<string, unknown> | undefined };
}
