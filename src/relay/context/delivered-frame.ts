import type { MailboxId } from '../../engine/engine.ts';
import {
  DELIVERED_OVERHEAD_BYTES,
  seqBytes,
  writeDelivered,
  writeWithSeq,
} from '../../protocol/delivered.ts';
import type { ClientFrame } from '../../protocol/frame.ts';

/** What a recipient is sent: exactly the bytes that were signed, the signature, and nothing beside them. A copy. */
export function deliveredFrame(
  received: Uint8Array,
  found: Extract<ClientFrame, { kind: 'envelope' }>,
): Buffer {
  const frame = Buffer.allocUnsafe(found.dataEnd - found.dataStart + DELIVERED_OVERHEAD_BYTES);
  writeDelivered(frame, received, found);
  return frame;
}

/** Protocol 2: with the mailbox id, opaque to the client. */
export function withSeq(frame: Buffer, seq: MailboxId): Buffer {
  const longer = Buffer.allocUnsafe(frame.length + seqBytes(seq));
  writeWithSeq(longer, frame, seq);
  return longer;
}
