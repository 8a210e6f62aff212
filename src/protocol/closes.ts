/** Every WebSocket close code of the relay, and what a client must do. Declared once. */
export const CLOSES = {
  goingAway: { code: 1001, means: 'going away', reconnect: 'with full jitter' },
  tooBig: { code: 1009, means: 'frame too big', reconnect: 'not without a change' },
  restarting: { code: 1012, means: 'restarting', reconnect: 'after the `retry in … ms` of the reason' },
  malformed: { code: 4400, means: 'malformed', reconnect: 'not without a change' },
  notAuthenticated: { code: 4401, means: 'not authenticated', reconnect: 'not without a change' },
  banned: { code: 4403, means: 'banned by the operator', reconnect: 'never by itself' },
  connectTimeout: { code: 4408, means: 'no connect within 10 s', reconnect: 'yes' },
  replaced: {
    code: 4409,
    means: 'replaced by a newer connection of the same user',
    reconnect: 'never by itself',
  },
  deleted: { code: 4410, means: 'the account was deleted', reconnect: 'never by itself' },
  flooding: { code: 4429, means: 'flooding', reconnect: 'with full jitter' },
} as const;

export type CloseName = keyof typeof CLOSES;
