import type { User } from '../peer.ts';
import type { Socket } from '../socket.ts';
import type { Target } from '../target.ts';

/** One promise of docs/protocol.md, and how a stranger can see whether a relay keeps it. Throws `Nonconforming`. */
export interface Case {
  readonly section: string;
  readonly name: string;
  readonly run: (target: Target) => Promise<void>;
}

/** Of X25519 and of Ed25519. */
export const SMALL_ORDER = `01${'00'.repeat(31)}`;

/** Alice and Bob, logged in by protocol 2, after `drained`. */
export async function pair(
  target: Target,
): Promise<{ alice: User; bob: User; fromAlice: Socket; toBob: Socket }> {
  const [alice, bob] = [await target.user(), await target.user()];
  const [fromAlice, toBob] = [await target.login(alice, 2), await target.login(bob, 2)];
  await fromAlice.fromServer('drained');
  await toBob.fromServer('drained');
  return { alice, bob, fromAlice, toBob };
}
