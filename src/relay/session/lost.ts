import type { SessionState } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';

/** What a session that has lost its hold does: the close code, and why, for people. */
export const LOST: Record<
  Exclude<SessionState, 'held'>,
  { readonly close: CloseName; readonly reason: string }
> = {
  displaced: { close: 'replaced', reason: 'replaced by a newer connection' },
  gone: { close: 'restarting', reason: '' },
  unknown_user: { close: 'notAuthenticated', reason: 'this account is not known any more: register again' },
};
