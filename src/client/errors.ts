/**
 * Every error that the SDK throws or reports, by its stable code. Match on `code`, never on the text.
 * `who` says whose turn it is: the program's, the person's, or nobody's (the SDK goes on by itself).
 */
export const CLIENT_ERRORS = {
  aborted: { who: 'program', means: 'an AbortSignal ended it' },
  account_gone: {
    who: 'person',
    means: 'the relay no longer knows this identity: register again for a new code',
  },
  audience_mismatch: {
    who: 'person',
    means: 'the challenge names another relay than was dialled: nothing was signed',
  },
  closed: { who: 'program', means: 'this relay connection was closed by the program' },
  displaced: { who: 'person', means: 'a newer connection of the same identity took over' },
  downgraded: {
    who: 'person',
    means: 'the server does not speak protocol 2, and nobody asked for protocol 1',
  },
  identity_unreadable: { who: 'person', means: 'wrong passphrase, or not an exported identity' },
  invalid_argument: { who: 'program', means: 'an argument is not what the function takes' },
  invalid_key: {
    who: 'person',
    means: 'a public key is malformed, of small order, or gives an all-zero secret',
  },
  key_changed: { who: 'person', means: 'the relay names another key for this code than the pinned one' },
  no_web_socket: { who: 'program', means: 'this runtime has no WebSocket: pass one in the options' },
  outbox_full: { who: 'program', means: 'too many messages wait for the relay to accept them' },
  refused: { who: 'person', means: 'the relay refused, and will again: see `detail`' },
  storage_failed: { who: 'person', means: 'the storage could not be read or written' },
  too_large: { who: 'program', means: 'larger than the relay takes' },
  unreachable: { who: 'nobody', means: 'the relay could not be reached, or did not answer in time' },
  unreadable: { who: 'program', means: 'the recipient could not decrypt it: send it again' },
  user_unknown: { who: 'person', means: 'no user has this code' },
} as const satisfies Record<string, { who: 'program' | 'person' | 'nobody'; means: string }>;

export type ClientErrorCode = keyof typeof CLIENT_ERRORS;

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.code = code;
  }
}

function aborted(signal: AbortSignal): ClientError {
  return new ClientError('aborted', 'Ended by its AbortSignal.', { cause: signal.reason });
}

/** Throws `aborted` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** What the work comes to, or `aborted` once the signal fires; for others who wait for the same work it goes on. */
export async function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return work;
  let onAbort = () => {};
  const ends = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([ends, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
