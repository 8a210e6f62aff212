import type { MailboxListener } from '../../engine.ts';
import type { Shard } from '../cluster/shard.ts';
import { slotOf } from '../cluster/slots.ts';
import { inboxKey } from '../schema.ts';
import type { Alarm } from './timing-wheel.ts';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One subscription of a listener: the same listener may have several. */
export interface Entry {
  readonly listener: MailboxListener;
}

/** A mailbox channel with listeners on this node. There is one for each idle session: every word counts. */
export interface Channel {
  readonly code: string;
  readonly slot: number;
  /** Replaced, never changed: nearly always one, and then an array of one is a third of a Set. */
  listeners: readonly Entry[];
  /** The shard that has acknowledged the subscription; null if none has, or the subscription is lost. */
  on: Shard | null;
  /** Kept for a while after the last listener has gone. */
  lingering: boolean;
  /** Subscribers that wait for the acknowledgement; null without any. */
  waiters: Waiter[] | null;
  /** One step at a time, so that subscribing and unsubscribing never overtake each other. */
  settling: boolean;
  /** It was acknowledged once: when it is again, messages may have been missed. */
  wasOn: boolean;
  poll: Alarm<Channel> | null;
  reclaim: Alarm<Channel> | null;
}

export function takeWaiters(channel: Channel): readonly Waiter[] {
  const { waiters } = channel;
  channel.waiters = null;
  return waiters ?? [];
}

export function cancel(alarm: Alarm<Channel> | null): void {
  if (alarm !== null) alarm.cancelled = true;
}

/** Without listeners yet. */
export function makeChannel(code: string): Channel {
  return {
    code,
    slot: slotOf(inboxKey(code)),
    listeners: [],
    on: null,
    lingering: false,
    waiters: null,
    settling: false,
    wasOn: false,
    poll: null,
    reclaim: null,
  };
}
