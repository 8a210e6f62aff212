import type { DeliverOutcome, DeliverRequest, Engine, SessionKey } from '../../engine/engine.ts';
import type { Policy } from '../../engine/verbs/people.ts';
import type { LookupCharge } from './lookup-charge.ts';

/** Beyond this many the set is emptied, and the store hears of each again. */
const NOTED_MAX = 1_024;

export interface AcquaintancesOptions {
  readonly engine: Engine;
  readonly session: SessionKey;
  /** As the login found it. */
  readonly policy: Policy;
  /** Remembers to whom this session has written. */
  readonly recipients: LookupCharge;
}

/**
 * A user hears the people that he writes to: where strangers may only ask, the store learns the recipient before the
 * first envelope to him, so that no answer can come too early. Costs nothing where anyone may write.
 */
export class Acquaintances {
  policy: Policy;
  readonly #options: AcquaintancesOptions;
  /** Noted in the store. Null until the first. */
  #noted: Set<string> | null = null;

  constructor(options: AcquaintancesOptions) {
    this.#options = options;
    this.policy = options.policy;
  }

  /** Those to whom this session has written, 1,024 at most. */
  get people(): readonly string[] {
    return this.#options.recipients.recipients;
  }

  /** As `Engine.deliver`. */
  deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    const { engine } = this.#options;
    if (this.policy === 'anyone' || this.#noted?.has(request.recipient)) return engine.deliver(request);
    return this.#introduce(request);
  }

  async #introduce(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    const { engine, session } = this.#options;
    const { recipient } = request;
    if (recipient !== session.code) await engine.people.acquaint(session, [recipient]);
    if (this.#noted === null || this.#noted.size >= NOTED_MAX) this.#noted = new Set();
    this.#noted.add(recipient);
    return engine.deliver(request);
  }
}
