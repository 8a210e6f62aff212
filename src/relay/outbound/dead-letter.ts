import type {
  DeadLetterReason,
  Engine,
  MailboxId,
  SessionKey,
  SessionState,
  StoredEnvelope,
} from '../../engine/engine.ts';
import type { RelayContext } from '../context/relay-context.ts';

export interface DeadLetterParts {
  readonly context: Pick<RelayContext, 'metrics' | 'log' | 'pushFailures'> & {
    readonly engine: Pick<Engine, 'deadLetter'>;
  };
  readonly session: SessionKey;
}

/**
 * A page of a mailbox without the entries that are no envelopes: their bytes will not change, so each becomes a dead
 * letter at the first try. The cursor must not stand on one of those, because the store does not know it any more. An
 * entry that the store did not take out stays in the page: it is passed over, and comes again at the next login.
 */
export async function withoutUnreadable(
  parts: DeadLetterParts,
  page: readonly StoredEnvelope[],
): Promise<readonly StoredEnvelope[]> {
  const gone = new Set<MailboxId>();
  for (const { id, frame } of page) {
    if (frame === null && (await deadLetter(parts, id, 'unreadable'))) gone.add(id);
  }
  return gone.size === 0 ? page : page.filter(({ id }) => !gone.has(id));
}

/** The recipient cannot take this envelope. Rejects if the store is away. */
export async function deadLetterByClient(
  {
    context,
    session,
  }: Pick<DeadLetterParts, 'session'> & {
    readonly context: Pick<RelayContext, 'metrics' | 'log'> & { readonly engine: Pick<Engine, 'deadLetter'> };
  },
  id: MailboxId,
  reason: 'too_big' | 'skipped',
): Promise<SessionState> {
  const state = await context.engine.deadLetter(session, id, reason);
  if (state === 'held') {
    context.metrics.deadLettersByClient.of(reason).add();
    context.log.debug('a recipient could not take an envelope: set aside', { reason });
  }
  return state;
}

/** Makes an envelope a dead letter. False if the store refused, or could not be reached: it still waits. */
async function deadLetter(
  { context, session }: DeadLetterParts,
  id: MailboxId,
  reason: DeadLetterReason,
): Promise<boolean> {
  const { engine, metrics, log } = context;
  const state = await engine.deadLetter(session, id, reason).catch(() => null);
  if (state !== 'held') return false;
  metrics.deadLetters.add();
  log.error('a stored envelope cannot be pushed: set aside', { reason });
  return true;
}

/**
 * Handing an envelope to the socket has failed. It may succeed on the next connection; one that fails on several
 * becomes a dead letter. Only failures of the relay count: a client that does not answer, or hangs up, says nothing
 * about an envelope.
 * @param comeBack closes the socket so that the client reconnects
 */
export function pushFailed(
  parts: DeadLetterParts,
  failure: { readonly id: MailboxId; readonly error: unknown; readonly comeBack: () => void },
): void {
  const { context, session } = parts;
  const { id, error, comeBack } = failure;
  context.log.error('an envelope could not be handed to its socket', { error });
  if (context.pushFailures.isLast(`${session.code} ${id}`))
    void deadLetter(parts, id, 'unsendable').then(comeBack);
  // Not from inside the send: the close handler would run in the middle of it.
  else setImmediate(comeBack);
}
