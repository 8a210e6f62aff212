/**
 * Every error that the SDK throws or reports, by its stable code. Match on `code`, never on the text.
 * `who` names the one who can act on it: the program, the person, or the SDK itself (`sdk`: it tries again).
 */
export const CLIENT_ERRORS = {
  aborted: { who: 'program', means: 'an AbortSignal fired' },
  account_gone: {
    who: 'person',
    means: 'the relay no longer knows this identity: register again for a new code',
  },
  audience_mismatch: {
    who: 'person',
    means: 'the challenge names a URL other than the one dialled: nothing was signed',
  },
  cancelled: { who: 'person', means: 'one of the two gave the file up' },
  closed: { who: 'program', means: 'the program closed this connection' },
  displaced: { who: 'person', means: 'a newer connection of the same identity took over' },
  downgraded: {
    who: 'person',
    means: 'the server does not speak protocol 2, and the program did not ask for protocol 1',
  },
  file_failed: {
    who: 'person',
    means: 'a file could not be read or written, or is not what was offered',
  },
  identity_unreadable: { who: 'person', means: 'wrong passphrase, or not an exported identity' },
  invalid_argument: { who: 'program', means: 'an argument is not of the kind that the function takes' },
  invalid_key: {
    who: 'person',
    means: 'a public key is malformed, of small order, or gives an all-zero secret',
  },
  key_changed: {
    who: 'person',
    means: 'the relay names a key for this code that differs from the pinned one',
  },
  no_web_socket: { who: 'program', means: 'this runtime has no WebSocket: pass one in the options' },
  outbox_full: { who: 'program', means: 'too many messages wait for the relay to accept them' },
  refused: { who: 'person', means: 'the relay refused, and will again: see `detail`' },
  storage_failed: { who: 'person', means: 'the storage could not be read or written' },
  too_large: { who: 'program', means: 'larger than the relay takes' },
  unreachable: { who: 'sdk', means: 'the relay could not be reached, or did not answer in time' },
  unreadable: { who: 'program', means: 'the recipient could not decrypt it: send it again' },
  user_unknown: { who: 'person', means: 'no user has this code' },
  wrong_storage: { who: 'program', means: 'the storage belongs to another identity' },
} as const satisfies Record<string, { who: 'program' | 'person' | 'sdk'; means: string }>;

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
  return new ClientError('aborted', 'Its AbortSignal fired before it was done.', { cause: signal.reason });
}

/** Throws `aborted` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** The result of `work`, or `aborted` once the signal fires. The work itself goes on for other callers. */
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
