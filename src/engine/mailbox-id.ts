import type { MailboxId } from './engine.ts';

const SHAPE = /^\d{1,16}-\d{1,10}$/;

/** Whether `text` has the form of a mailbox id; not whether it ever was one. */
export function isMailboxId(text: string): boolean {
  return SHAPE.test(text);
}

/** The part of a mailbox id that orders it: microseconds since 1970, as Redis writes them (no leading zeros). */
export function microseconds(id: MailboxId): string {
  return id.slice(0, id.indexOf('-'));
}

/**
 * Whether `a` was stored after `b` in one mailbox. Tags do not order; they distinguish histories. Digits are compared as
 * text, by length first, because those of a hostile pong may exceed 2^53.
 */
export function isAfter(a: MailboxId, b: MailboxId): boolean {
  const left = microseconds(a);
  const right = microseconds(b);
  return left.length === right.length ? left > right : left.length > right.length;
}
