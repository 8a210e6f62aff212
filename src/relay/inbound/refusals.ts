import type { DeliverOutcome } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import { FRAME_ERRORS, type FrameErrorCode } from '../../protocol/errors.ts';
import type { ClientFrame } from '../../protocol/frames/frame.ts';
import { errorFrame } from '../../protocol/frames/relay-frames.ts';
import type { ConnectionQueue } from '../context/fair-scheduler.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { Socket } from '../transport/socket.ts';

/** A client's tenth fault within a minute closes its socket. */
const FAULTS_MAX = 10;
const FAULTS_WINDOW_MS = 60_000;
/** The part of a user's penalty tokens that a fault costs: ten use them up, and a new socket does not refill them. */
const FAULT_SHARE = 0.1;

/** What the sender hears about one frame. */
export interface Refusal {
  readonly code: FrameErrorCode;
  readonly detail: string;
  readonly id?: string | null;
  readonly retryAfterMs?: number;
}

/** A frame after which the socket closes. */
export interface FatalFrame {
  readonly close: CloseName;
  readonly reason: string;
  /** What the client is answered before; undefined: the close says it all. */
  readonly refusal?: Refusal;
}

export interface RefusalsOptions {
  readonly context: RelayContext;
  readonly socket: Socket;
  /** The user of this socket. */
  readonly code: string;
  readonly queue: ConnectionQueue;
}

/** Answers the frames of one logged-in client that are refused, and closes its socket when there are too many. */
export class Refusals {
  readonly #options: RefusalsOptions;
  /** Times of the client's latest faults, oldest first; fewer than `FAULTS_MAX`. */
  #faultsAtMs: number[] = [];

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** @param frame number of the client's text frame on this socket, from 1 */
  refuse(refusal: Refusal, frame: number): void {
    const { context, socket, code } = this.#options;
    context.metrics.envelopesReceived.of(refusal.code).add();
    socket.send(errorFrame({ ...refusal, recipient: code, frame }));
    if (FRAME_ERRORS[refusal.code].fault === 'client') this.#countFault();
    if (refusal.code === 'rate_limited' && context.rates.penalties.take(code) > 0) this.close('flooding');
  }

  /** Drops what is queued of this client, and closes its socket. */
  close(name: CloseName, reason = ''): void {
    this.#options.queue.forget();
    this.#options.socket.close(name, reason);
  }

  #countFault(): void {
    const { context, code } = this.#options;
    const { penalties } = context.rates;
    penalties.take(code, penalties.options.burst * FAULT_SHARE);
    const nowMs = context.now();
    this.#faultsAtMs = this.#faultsAtMs.filter((at) => nowMs - at < FAULTS_WINDOW_MS);
    this.#faultsAtMs.push(nowMs);
    if (this.#faultsAtMs.length >= FAULTS_MAX)
      this.close('malformed', `${FAULTS_MAX} faults within a minute`);
  }
}

export const TOO_MUCH: Refusal = {
  code: 'unavailable',
  detail: 'too much is waiting to be stored: repeat with the same id',
};

export function notAnEnvelope(frame: Extract<ClientFrame, { kind: 'malformed' | 'connect' }>): Refusal {
  if (frame.kind === 'connect') return { code: 'bad_frame', detail: 'this socket is connected already' };
  return { code: 'bad_frame', detail: `${frame.reason} (at byte ${frame.offset})`, id: frame.id };
}

/** How an envelope can end without being stored. `unavailable`: the store did not say. */
export type NotStored = Exclude<DeliverOutcome, 'stored' | 'repeated' | 'unheard'> | 'unavailable';

export function refusalOf(outcome: NotStored, recipient: string): Refusal {
  return { code: CODE_OF[outcome], detail: detailOf(outcome, recipient) };
}

const CODE_OF: Readonly<Record<NotStored, FrameErrorCode>> = {
  recipient_unknown: 'recipient_unknown',
  id_conflict: 'id_conflict',
  mailbox_full: 'mailbox_full',
  share_full: 'mailbox_full',
  stale: 'unavailable',
  late: 'unavailable',
  unavailable: 'unavailable',
};

function detailOf(outcome: NotStored, recipient: string): string {
  switch (outcome) {
    case 'recipient_unknown':
      return `no user has the code ${recipient}`;
    case 'id_conflict':
      return 'this id was used for other bytes to this recipient: take a new id for a new envelope';
    case 'mailbox_full':
      return `the mailbox of ${recipient} is full: not stored; try again once the recipient has read some`;
    case 'share_full':
      return `as much of the mailbox of ${recipient} as one sender may have is yours: not stored; try again once the recipient has read some`;
    case 'stale':
      return 'a newer connection of yours has taken over: not stored by this one';
    case 'late':
    case 'unavailable':
      return 'the store did not answer in time: not known to be stored; repeat with the same id';
  }
}
