import type { MailboxListener } from '../../engine.ts';
import type { Shard } from '../cluster/shard.ts';
import { slotOf } from '../cluster/slots.ts';
import { inboxKey } from '../mailbox/store.ts';
import type { Alarm } from './timing-wheel.ts';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One hold on a channel: the same listener may have several. */
export interface Entry {
  readonly listener: MailboxListener;
}

/** One mailbox that somebody here listens to. There is one for each idle session: every word counts. */
export interface Channel {
  readonly code: string;
  readonly slot: number;
  /** Replaced, never changed: nearly always one, and then an array of one is a third of a Set. */
  listeners: readonly Entry[];
  /** The shard that has acknowledged the subscription, which still stands as far as we know. */
  on: Shard | null;
  /** Kept for a while after the last listener has gone. */
  lingering: boolean;
  /** Subscriptions that wait for the acknowledgement; null when nobody does. */
  waiters: Waiter[] | null;
  /** One step at a time: (un)subscribing of one channel never overtakes itself. */
  settling: boolean;
  /** It stood once: when it stands again, something may have been missed. */
  wasOn: boolean;
  look: Alarm<Channel> | null;
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

/** The user whose mailbox channel has this name: the inverse of `inboxKey`. */
export function codeOf(name: string): string {
  return name.slice('inbox:{'.length, -1);
}

/** Nobody listens to it yet. */
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
    look: null,
    reclaim: null,
  };
}
