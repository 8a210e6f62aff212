import type { DeadLetterReason, MailboxId, SessionKey } from '../../engine/engine.ts';
import type { RelayContext } from '../context/relay-context.ts';

/** As often an envelope may fail to be handed to a socket of this node; then it is poison. */
const TRIES_MAX = 3;
/** Envelopes that are remembered at once; beyond, the oldest is forgotten, and has its tries again. */
const REMEMBERED_MAX = 1_000;

/**
 * How often handing an envelope to a socket has failed on this node, whatever the reason. Without a bound the client
 * would come back, be given the same envelope and lose its connection again, for ever. Other nodes count for themselves.
 */
export class PushFailures {
  readonly #tries = new Map<string, number>();

  /** It has failed once more. True if that was its last try: the caller sets it aside. */
  isLast(envelope: string): boolean {
    const tries = (this.#tries.get(envelope) ?? 0) + 1;
    this.#tries.delete(envelope);
    if (tries >= TRIES_MAX) return true;
    this.#tries.set(envelope, tries);
    if (this.#tries.size > REMEMBERED_MAX) this.#forgetOldest();
    return false;
  }

  #forgetOldest(): void {
    for (const envelope of this.#tries.keys()) {
      this.#tries.delete(envelope);
      return;
    }
  }
}

export interface DeadLettersOptions {
  readonly node: Pick<RelayContext, 'engine' | 'metrics' | 'log' | 'pushFailures'>;
  readonly session: SessionKey;
  /** Closes the socket: the client is to come back. */
  readonly comeBack: () => void;
}

/**
 * What one session does with envelopes that cannot be pushed. Only failures of our own count: that a client does not
 * answer, or hangs up, says nothing about an envelope.
 */
export function deadLetters({ node, session, comeBack }: DeadLettersOptions) {
  const { engine, metrics, log, pushFailures } = node;
  /** False if the store would not, or could not be reached. */
  const setAside = async (id: MailboxId, why: DeadLetterReason): Promise<boolean> => {
    const state = await engine.deadLetter(session, id, why).catch(() => null);
    if (state !== 'held') return false;
    metrics.poison.add();
    log.error('a stored envelope cannot be pushed: set aside', { reason: why });
    return true;
  };
  return {
    /** Its bytes will not change: no second try. */
    setAside: (id: MailboxId): Promise<boolean> => setAside(id, 'unreadable'),
    /** The same envelope may succeed on the next connection; one that fails on several is set aside. */
    onUnsendable: (id: MailboxId, error: unknown): void => {
      log.error('an envelope could not be handed to its socket', { error });
      if (pushFailures.isLast(`${session.code} ${id}`)) void setAside(id, 'unsendable').then(comeBack);
      // Not from inside the send: the close handler would run in the middle of it.
      else setImmediate(comeBack);
    },
  };
}
