import type { Conversation, Message } from '../../../client/index.ts';
import type { Entry } from '../../kept/history.ts';
import { timerNote } from './expiry.ts';

/** What has its id only once the SDK has stored it is shown before, under a name of this kind. */
export const UNSENT = 'unsent-';

/** What a message that is sent now has of the timer. */
export function lasting({ timerS }: Conversation): { readonly expiresS?: number } {
  return timerS === 0 ? {} : { expiresS: timerS };
}

/** A message of theirs as the history keeps it. */
export function entryOf({ id, body, at, late, replyTo, file, expiresS, timer }: Message): Entry {
  const cameMs = Date.now();
  const claimedMs = Date.parse(at);
  return {
    id,
    mine: false,
    text: textOf(body),
    // A clock that is ahead must not put a message into the future.
    atMs: Number.isNaN(claimedMs) ? cameMs : Math.min(claimedMs, cameMs),
    cameMs,
    mark: 'new',
    ...(timer === undefined ? {} : { text: timerNote(timer.seconds, 'them'), mark: 'seen', note: true }),
    ...(expiresS === undefined ? {} : { expiresS }),
    ...(late ? { late: true as const } : {}),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(file === undefined ? {} : { file }),
  };
}

/** A value of a program is shown as it is; but a file that came as messages, from before files had a format, is not. */
function textOf(body: Message['body']): string {
  if (typeof body === 'string') return body;
  const { file, part, parts, data } = (body ?? {}) as Record<string, unknown>;
  if (typeof file === 'string' && typeof data === 'string')
    return `Part ${part} of ${parts} of “${file}”, from an older keyrelay. This page takes files that newer ones send.`;
  return JSON.stringify(body, null, 2);
}
