import { expect, it } from 'vitest';
import { loggedIn, proveOpen, type Scene, toBob } from '../clients/scene.ts';
import { frameOf } from '../plain/frames.ts';
import { signHex } from '../plain/users.ts';
import type { RelayNode } from '../servers/relay-node.ts';

type Words = { readonly data: string; readonly signature: string } & Scene;

/** The frame, made of a good envelope or of `data` that stands in for it; and what the relay says of it. */
export type BadFrame = readonly [what: string, frame: (words: Words) => string, says: RegExp];

export const inPayload = (payload: string) => (words: Words) =>
  frameOf(
    words.alice,
    `{"sender":"${words.alice.code}","recipient":"${words.bob.code}","message":{"type":"message","payload":${payload}}}`,
  );

/** A good envelope with something in its text replaced. */
export const changed = (from: string | RegExp, to: string) => (words: Words) =>
  frameOf(words.alice, words.data.replace(from, to));

export const exchange =
  (payload: string, type = 'key_exchange') =>
  (words: Words) =>
    frameOf(
      words.alice,
      `{"sender":"${words.alice.code}","recipient":"${words.bob.code}","message":{"type":"${type}"${payload}}}`,
    );

/** A test for each: a logged-in client sends it, gets the reason why it is bad, and goes on. Every signature is right. */
export function refusesEach(frames: readonly BadFrame[], relay: () => RelayNode): void {
  it.each(frames)('refuses %s with bad_frame and says why', async (_what, frame, says) => {
    const on = await loggedIn(relay());
    const { socket, alice } = on;
    const data = toBob(on);
    socket.send(frame({ ...on, data, signature: signHex(alice, data) }));
    const error = await socket.nextError();
    expect(error).toMatchObject({ code: 'bad_frame', detail: expect.stringMatching(says), frame: 2 });
    await proveOpen(on);
    await socket.cut();
  });
}
