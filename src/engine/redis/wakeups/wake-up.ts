import type { WakeUp } from '../../engine.ts';
import { isMailboxId } from '../../mailbox-id.ts';

/** A message that the scripts publish on a mailbox channel. */
export type Message =
  | { readonly kind: 'wake-up'; readonly wakeUp: WakeUp }
  | { readonly kind: 'claimed'; readonly token: string };

const WAKE_UP = 0x77;
const CLAIMED = 0x63;
const NEWLINE = 0x0a;
const HEADER_BYTES_MAX = 64;
const TOKEN = /^[0-9a-f]{32}$/;

/**
 * Reads `w<id> <prev>\n<frame>` (deliver.lua) or `c<token>` (claim.lua, reclaim.lua).
 * Null for anything else: other users of this Redis may publish anything, and it must do no harm.
 */
export function parseMessage(payload: Buffer): Message | null {
  if (payload[0] === CLAIMED) {
    const token = payload.toString('latin1', 1);
    return TOKEN.test(token) ? { kind: 'claimed', token } : null;
  }
  const end = payload[0] === WAKE_UP ? payload.subarray(0, HEADER_BYTES_MAX).indexOf(NEWLINE) : -1;
  if (end < 0) return null;
  const [id = '', prev = '', ...rest] = payload.toString('latin1', 1, end).split(' ');
  if (rest.length > 0 || !isMailboxId(id) || !isMailboxId(prev)) return null;
  return { kind: 'wake-up', wakeUp: { id, prev, frame: payload.subarray(end + 1) } };
}
