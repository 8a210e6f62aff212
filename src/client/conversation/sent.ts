import { ClientError } from '../errors.ts';

/** How far a message comes. Each rejects with a `ClientError` if it will not, or with `closed` if the relay is closed first. */
interface SentSteps {
  /** The relay has it. */
  readonly stored: Promise<void>;
  /** The other's program has it. */
  readonly delivered: Promise<void>;
  /** The other has read it. */
  readonly read: Promise<void>;
}

/**
 * A message on its way, as `send` gives it: a promise of its id, which resolves once it is stored here and so will be
 * sent whatever happens, and three more.
 *
 *     const id = await conversation.send('Hello');
 *     await conversation.send('Hello').delivered;
 */
export type Sending = Promise<string> & SentSteps;

const STEPS = ['stored', 'delivered', 'read'] as const;
export type SentStep = (typeof STEPS)[number];

/** A peer that never confirms must not fill the memory: beyond, the oldest handle settles no more. */
const OPEN_MAX = 5_000;

interface Open {
  readonly steps: SentSteps;
  readonly reached: (step: SentStep) => void;
  readonly failed: (error: ClientError) => void;
}

/** The handles of messages to one peer that are not read yet. */
export class SentHandles {
  readonly #open = new Map<string, Open>();

  add(id: string): SentSteps {
    const open = makeOpen();
    this.#open.set(id, open);
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN_MAX && oldest !== undefined) this.#open.delete(oldest);
    return open.steps;
  }

  /** The message has come so far, and so through every step before. */
  reached(id: string, step: SentStep): void {
    this.#open.get(id)?.reached(step);
    if (step === 'read') this.#open.delete(id);
  }

  failed(id: string, error: ClientError): void {
    this.#open.get(id)?.failed(error);
    this.#open.delete(id);
  }

  close(): void {
    const error = new ClientError('closed', 'The relay was closed first.');
    for (const id of [...this.#open.keys()]) this.failed(id, error);
  }
}

function makeOpen(): Open {
  const resolvers = new Map<SentStep, () => void>();
  const rejecters: ((error: ClientError) => void)[] = [];
  const [stored, delivered, read] = STEPS.map((step) => {
    const promise = new Promise<void>((resolve, reject) => {
      resolvers.set(step, resolve);
      rejecters.push(reject);
    });
    // A program that does not look at a promise must not be ended by its rejection.
    promise.catch(() => {});
    return promise;
  }) as [Promise<void>, Promise<void>, Promise<void>];
  return {
    steps: { stored, delivered, read },
    reached: (step) => {
      for (const each of STEPS.slice(0, STEPS.indexOf(step) + 1)) resolvers.get(each)?.();
    },
    failed: (error) => {
      for (const reject of rejecters) reject(error);
    },
  };
}
