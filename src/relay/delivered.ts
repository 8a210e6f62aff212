import type { MailboxId } from '../engine/engine.ts';

const HEAD = Buffer.from('{"data":');
const MIDDLE = Buffer.from(',"signature":"');
const TAIL = Buffer.from('"}');

/** What a recipient is sent: exactly the bytes that were signed, the signature, and nothing beside them. Copies. */
export function deliveredFrame(data: Uint8Array, signatureHex: string): Buffer {
  const frame = Buffer.allocUnsafe(
    HEAD.length + data.length + MIDDLE.length + signatureHex.length + TAIL.length,
  );
  let at = HEAD.copy(frame, 0);
  frame.set(data, at);
  at += data.length;
  at += MIDDLE.copy(frame, at);
  at += frame.write(signatureHex, at, 'latin1');
  TAIL.copy(frame, at);
  return frame;
}

/** Protocol 2: the mailbox id, opaque to the client, before the last brace. */
export function withSeq(frame: Buffer, seq: MailboxId): Buffer {
  const end = `,"seq":"${seq}"}`;
  const longer = Buffer.allocUnsafe(frame.length - 1 + end.length);
  frame.copy(longer, 0, 0, frame.length - 1);
  longer.write(end, frame.length - 1, 'latin1');
  return longer;
}
