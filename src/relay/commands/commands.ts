import { EngineUnavailable } from '../../engine/engine.ts';
import { CLOSES } from '../../protocol/closes.ts';
import type { FrameErrorCode } from '../../protocol/errors.ts';
import { accepted } from '../../protocol/frames/relay-frames.ts';
import type { Socket } from '../transport/socket.ts';
import { BadCommand, type CommandAnswer, type CommandHost } from './command.ts';
import { readPayload } from './payload.ts';
import { isVerb, VERBS, type Verb } from './verbs.ts';

export interface CommandsOptions extends CommandHost {
  readonly socket: Socket;
  /** Answers commands that are refused. @param frame number of the client's text frame on this socket, from 1 */
  readonly refusals: { refuse(refusal: CommandRefusal, frame: number): void };
  readonly onLost: (state: Extract<CommandAnswer, { lost: unknown }>['lost']) => void;
}

export interface CommandRefusal {
  readonly code: FrameErrorCode;
  readonly detail: string;
  readonly id: string;
  readonly retryAfterMs?: number;
}

/** A command whose signature has verified. */
export interface ReceivedCommand {
  readonly id: string;
  readonly verb: string;
  /** Bytes of its JSON value; null without. */
  readonly payload: Uint8Array | null;
  /** Of the client's text frame on this socket. */
  readonly number: number;
}

/** Commands of one session that wait for those before them. */
const WAITING_MAX = 64;
const RETRY_MS = 1_000;

/** Carries out the commands of one session, one after the other, each answered when it is done. */
export class Commands {
  readonly #options: CommandsOptions;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Null if it will be answered. */
  put({ id, verb, payload, number }: ReceivedCommand): CommandRefusal | null {
    if (!isVerb(verb)) {
      const detail = `the relay has no command ${verb}: there are ${Object.keys(VERBS).join(', ')}`;
      return { code: 'unknown_command', detail, id };
    }
    if (this.#waiting >= WAITING_MAX) {
      const detail = `${WAITING_MAX} commands wait already: wait for their answers`;
      return { code: 'rate_limited', detail, id, retryAfterMs: RETRY_MS };
    }
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      const answer = await this.#carryOut(verb, payload, id);
      this.#waiting -= 1;
      this.#tell(answer, { id, verb, number });
    });
    return null;
  }

  /** Resolves once all are answered. */
  idle(): Promise<void> {
    return this.#last;
  }

  /** Never rejects. */
  async #carryOut(verb: Verb, payload: Uint8Array | null, id: string): Promise<CommandAnswer> {
    try {
      return await VERBS[verb](this.#options, readPayload(payload), id);
    } catch (error) {
      if (error instanceof BadCommand) return { code: 'bad_command', detail: `${verb}: ${error.message}` };
      if (!(error instanceof EngineUnavailable)) {
        this.#options.context.log.error('a command failed', { error, verb });
      }
      return { code: 'unavailable', detail: 'not known to be carried out: repeat it' };
    }
  }

  #tell(
    answer: CommandAnswer,
    { id, verb, number }: { readonly id: string; readonly verb: Verb; readonly number: number },
  ): void {
    const { context, session, socket, refusals, onLost } = this.#options;
    const { commands } = context.metrics;
    if ('lost' in answer) {
      commands.of(verb, 'unavailable').add();
      onLost(answer.lost);
    } else if ('code' in answer) {
      commands.of(verb, answer.code).add();
      refusals.refuse({ ...answer, id }, number);
    } else {
      commands.of(verb, 'accepted').add();
      socket.send(accepted(session.code, id, answer.result));
      if (answer.close !== undefined) socket.close(answer.close, CLOSES[answer.close].means);
    }
  }
}
