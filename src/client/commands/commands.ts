import { signedText } from '../../protocol/frames/relay-frames.ts';
import { SERVER } from '../../protocol/message-types.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import { fullJitterMs } from '../connection/backoff.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import { ClientError } from '../errors.ts';
import type { Outcome } from './relay-reply.ts';

/** What the relay tells beside `accepted`. */
export type CommandResult = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly frame: string;
  readonly done: (result: CommandResult) => void;
  readonly failed: (error: ClientError) => void;
}

/** Commands to the relay itself (docs/protocol.md 4): each is sent until it is answered, over reconnects too. */
export class Commands {
  readonly #identity: Identity;
  readonly #waiting = new Map<string, Waiting>();
  #transmit: ((frame: string) => void) | null = null;
  #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Resolves when the relay has carried it out; rejects if it will not, or when the client ends. */
  send(sender: string, message: { readonly type: string; readonly payload: object }): Promise<CommandResult> {
    const id = newEnvelopeId();
    const frame = signedFrame(signedText({ sender, recipient: SERVER, id, message }), this.#identity);
    return new Promise((done, failed) => {
      this.#waiting.set(id, { frame, done, failed });
      this.#transmit?.(frame);
    });
  }

  /** False if it is not about a command. */
  answered(outcome: Outcome): boolean {
    const { id } = outcome;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    if (outcome.outcome === 'again') {
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          this.#transmit?.(waiting.frame);
        },
        (outcome.waitMs ?? 0) + fullJitterMs(0),
      );
      this.#timers.add(timer);
      return true;
    }
    this.#waiting.delete(id);
    if (outcome.outcome === 'accepted') waiting.done(outcome.result);
    else waiting.failed(outcome.error);
    return true;
  }

  live(transmit: (frame: string) => void): void {
    this.#transmit = transmit;
    for (const { frame } of this.#waiting.values()) transmit(frame);
  }

  down(): void {
    this.#transmit = null;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  end(error: ClientError): void {
    this.down();
    for (const { failed } of this.#waiting.values()) failed(error);
    this.#waiting.clear();
  }
}

/** @throws ClientError `refused` if it is no page of blocked codes */
export function readBlocks({ codes, next = null }: CommandResult): {
  readonly codes: readonly string[];
  readonly next: string | null;
} {
  const isList = Array.isArray(codes) && codes.every((code) => typeof code === 'string');
  if (isList && (next === null || typeof next === 'string')) return { codes: codes as string[], next };
  throw new ClientError('refused', 'The relay did not answer with a list of codes.');
}
