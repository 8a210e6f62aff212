import type { MailboxId } from './engine.ts';

const SHAPE = /^\d{1,16}-\d{1,10}$/;

/** Whether `text` could be a mailbox id at all; says nothing about whether it ever was one. */
export function isMailboxId(text: string): boolean {
  return SHAPE.test(text);
}

/** The part of a mailbox id that orders it: microseconds since 1970, as Redis writes them (no leading zeros). */
export function microseconds(id: MailboxId): string {
  return id.slice(0, id.indexOf('-'));
}

/**
 * Whether `a` was stored after `b` in one mailbox. Tags do not order: they tell histories apart.
 * Digits are compared as text, by length first, because they may pass 2^53 in a hostile pong.
 */
export function isAfter(a: MailboxId, b: MailboxId): boolean {
  const left = microseconds(a);
  const right = microseconds(b);
  return left.length === right.length ? left > right : left.length > right.length;
}
