import { hash } from 'node:crypto';
import { type PublicKey, verifySignature } from '../../crypto/verify.ts';
import type { DeliverOutcome, MailboxId, SessionKey } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import { FRAME_ERRORS, type FrameErrorCode } from '../../protocol/errors.ts';
import { type ClientFrame, decodeFrame } from '../../protocol/frame.ts';
import { accepted, errorFrame } from '../../protocol/frames.ts';
import { deliveredFrame } from '../context/delivered-frame.ts';
import { ConnectionQueue } from '../context/fair-scheduler.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { Socket } from '../transport/socket.ts';
import { DeliverQueue } from './deliver-queue.ts';
import { LookupCharge } from './lookup-charge.ts';

/** The tenth fault of a client within a minute closes its socket. */
const FAULTS_MAX = 10;
const FAULTS_WINDOW_MS = 60_000;
/** What a fault takes of its user's bucket for noise: ten empty it, and a new socket does not fill it. */
const FAULT_SHARE = 0.1;

type EnvelopeFrame = Extract<ClientFrame, { kind: 'envelope' }>;

export interface InboundOptions {
  readonly node: RelayContext;
  readonly socket: Socket;
  readonly session: SessionKey;
  /** What limits count this client as. */
  readonly address: string;
  readonly key: PublicKey;
  /** Protocol 2: the client has everything up to there. */
  readonly onAck: (seq: MailboxId) => void;
}

type NotStored = Exclude<DeliverOutcome, 'stored' | 'repeated'> | 'unavailable';

const CODE_OF: Readonly<Record<NotStored, FrameErrorCode>> = {
  recipient_unknown: 'recipient_unknown',
  id_conflict: 'id_conflict',
  mailbox_full: 'mailbox_full',
  share_full: 'mailbox_full',
  stale: 'unavailable',
  unavailable: 'unavailable',
};

/** What the sender is told about one frame. */
interface Refusal {
  readonly code: FrameErrorCode;
  readonly detail: string;
  readonly id?: string | null;
  readonly retryAfterMs?: number;
}

const TOO_MUCH: Refusal = {
  code: 'unavailable',
  detail: 'too much is waiting to be stored: repeat with the same id',
};

/**
 * Socket → mailbox, for one logged-in user: lane → decode → authorise → verify → outbox. Every check before the next
 * dearer one, and no await until the outbox, so that a sender's order is the order of her frames. In the lane they wait,
 * in that order, when this turn of the event loop has no time left.
 */
export class Inbound {
  readonly #options: InboundOptions;
  readonly #lane: ConnectionQueue;
  readonly #outbox: DeliverQueue;
  readonly #recipients: LookupCharge;
  /** When the client's latest faults happened, oldest first; fewer than `FAULTS_MAX`. */
  #faultsAtMs: number[] = [];

  constructor(options: InboundOptions) {
    this.#options = options;
    const { node, session, socket, address } = options;
    this.#lane = new ConnectionQueue(node.scheduler);
    this.#outbox = new DeliverQueue({
      engine: node.engine,
      sender: session.code,
      epoch: session.epoch,
      bytesMax: node.config.inflightBytesPerSocket,
      nodeBudget: node.inflight,
      now: node.now,
      cork: (answers) => socket.cork(answers),
    });
    this.#recipients = new LookupCharge({ lookups: node.rates.lookups, address });
  }

  /**
   * @param bytes valid only during the call
   * @param number of the client's text frame on this socket, from 1
   */
  receive(bytes: Uint8Array, number: number): void {
    const { node, session } = this.#options;
    if (this.#lane.open) {
      this.#handle(bytes, number);
      return;
    }
    node.metrics.framesDeferred.add();
    const copy = Uint8Array.from(bytes);
    const taken = this.#lane.wait(copy.length, () => this.#handle(copy, number));
    if (taken) return;
    // Being told costs the node a decode each time: that is noise, and has its bound.
    if (node.rates.penalties.take(session.code) > 0) this.#close('flooding', 'too much at once');
    else this.#handle(bytes, number, TOO_MUCH);
  }

  /** @param noRoom an envelope gets no further than its rate, and is told so */
  #handle(bytes: Uint8Array, number: number, noRoom?: Refusal): void {
    const { session, onAck, node } = this.#options;
    const startedMs = node.now();
    const frame = decodeFrame(bytes, session.protocol);
    if (frame.kind === 'ack') {
      onAck(frame.seq);
    } else {
      const refusal =
        frame.kind === 'envelope'
          ? (this.#authorise(frame, bytes.length) ??
            (noRoom === undefined ? null : { ...noRoom, id: frame.id }) ??
            this.#verify(frame, bytes) ??
            this.#send(frame, bytes, number))
          : notAnEnvelope(frame);
      if (refusal !== null) this.refuse(refusal, number);
    }
    node.scheduler.spent(node.now() - startedMs);
  }

  /** A frame that nothing can follow: those before it are looked at first. */
  finish(close: () => void): void {
    this.#lane.end(close);
  }

  /** Resolves once everything that came has been looked at, and what was taken is stored or refused. */
  async idle(): Promise<void> {
    await this.#lane.idle();
    await this.#outbox.idle();
  }

  /** Tells the client that a frame was refused, counts it, and closes the socket when there were too many. */
  refuse(refusal: Refusal, frame: number): void {
    const { socket, session, node } = this.#options;
    const { code } = session;
    node.metrics.envelopesReceived.of(refusal.code).add();
    socket.send(errorFrame({ ...refusal, recipient: code, frame }));
    if (FRAME_ERRORS[refusal.code].fault === 'client') this.#countFault(code);
    if (refusal.code === 'rate_limited' && node.rates.penalties.take(code) > 0) this.#close('flooding');
  }

  /** Sender and rate. */
  #authorise(frame: EnvelopeFrame, bytes: number): Refusal | null {
    const { session, node } = this.#options;
    const { code } = session;
    if (frame.sender !== code) {
      const detail = `this socket belongs to ${code}: sender must be ${code}, not ${frame.sender}`;
      return { code: 'sender_mismatch', detail, id: frame.id };
    }
    const { envelopes, bytes: byteRate } = node.rates;
    const retryAfterMs = envelopes.take(code) || byteRate.take(code, bytes);
    if (retryAfterMs === 0) return null;
    const detail = `over ${node.config.envelopesPerSecond} envelopes or ${node.config.bytesPerSecond} bytes a second`;
    return { code: 'rate_limited', detail, id: frame.id, retryAfterMs };
  }

  /** Ed25519 over exactly the bytes of `data`. */
  #verify(frame: EnvelopeFrame, bytes: Uint8Array): Refusal | null {
    const { key, node } = this.#options;
    const data = bytes.subarray(frame.dataStart, frame.dataEnd);
    const startedMs = node.now();
    const valid = verifySignature(key, data, frame.signature);
    node.metrics.verifySeconds.observe((node.now() - startedMs) / 1000);
    return valid ? null : { code: 'bad_signature', detail: signatureDetail(data), id: frame.id };
  }

  #send(frame: EnvelopeFrame, bytes: Uint8Array, number: number): Refusal | null {
    const data = bytes.subarray(frame.dataStart, frame.dataEnd);
    const { id, recipient } = frame;
    const retryAfterMs = this.#recipients.approach(recipient);
    if (retryAfterMs > 0) {
      const detail = 'too many codes tried from your address';
      return { code: 'rate_limited', detail, id, retryAfterMs };
    }
    const taken = this.#outbox.put(recipient, {
      envelope: {
        frame: deliveredFrame(bytes, frame),
        dedupe: id === null ? null : { id, digest: digestOf(data) },
      },
      done: (outcome) => this.#answer(outcome, { id, recipient, number }),
    });
    if (taken) return null;
    this.#recipients.settle(recipient, 'unavailable');
    return { ...TOO_MUCH, id };
  }

  #answer(
    outcome: DeliverOutcome | 'unavailable',
    envelope: { readonly id: string | null; readonly recipient: string; readonly number: number },
  ): void {
    const { socket, session, node } = this.#options;
    const { id, recipient, number } = envelope;
    this.#recipients.settle(recipient, outcome);
    if (outcome === 'stored' || outcome === 'repeated') {
      node.metrics.envelopesReceived.of(outcome).add();
      if (id !== null) socket.send(accepted(session.code, id));
      return;
    }
    if (outcome === 'share_full') node.metrics.sharesFull.add();
    this.refuse({ code: CODE_OF[outcome], detail: detailOf(outcome, recipient), id }, number);
  }

  #countFault(code: string): void {
    const { node } = this.#options;
    const { penalties } = node.rates;
    penalties.take(code, penalties.burst * FAULT_SHARE);
    const nowMs = node.now();
    this.#faultsAtMs = this.#faultsAtMs.filter((at) => nowMs - at < FAULTS_WINDOW_MS);
    this.#faultsAtMs.push(nowMs);
    if (this.#faultsAtMs.length >= FAULTS_MAX)
      this.#close('malformed', `${FAULTS_MAX} faults within a minute`);
  }

  #close(name: CloseName, reason = ''): void {
    this.#lane.forget();
    this.#options.socket.close(name, reason);
  }
}

function notAnEnvelope(frame: Extract<ClientFrame, { kind: 'malformed' | 'connect' }>): Refusal {
  if (frame.kind === 'connect') return { code: 'bad_frame', detail: 'this socket is connected already' };
  return { code: 'bad_frame', detail: `${frame.reason} (at byte ${frame.offset})`, id: frame.id };
}

/** Says which bytes were checked, so that the author of a client finds the difference. */
export function signatureDetail(data: Uint8Array): string {
  const sha256 = hash('sha256', data, 'hex');
  return `the signature does not verify over these ${data.length} bytes of data, whose SHA-256 is ${sha256}`;
}

/**
 * 128 bits are enough to tell whether a repeat has the same bytes: both are signed by the same sender. One call, which
 * makes no stream: 0.4 µs for 250 bytes instead of the 0.8 µs of `createHash`.
 */
function digestOf(data: Uint8Array): string {
  return hash('sha256', data, 'base64url').slice(0, 22);
}

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
    case 'unavailable':
      return 'the store did not answer in time: not known to be stored; repeat with the same id';
  }
}
