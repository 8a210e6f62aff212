import type { Engine, MailboxId, SessionKey, Unconfirmed } from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import { seqBytes, writeWithSeq } from '../../protocol/frames/delivered.ts';
import { drained } from '../../protocol/frames/relay-frames.ts';
import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { SendResult, Socket } from '../transport/socket.ts';
import { pushFailed } from './dead-letter.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { Latency } from './latency.ts';
import type { Window } from './window.ts';

export interface SenderOptions {
  readonly context: Pick<RelayContext, 'metrics' | 'log' | 'pushFailures'> & {
    readonly engine: Pick<Engine, 'deadLetter'>;
  };
  readonly socket: Pick<Socket, 'send' | 'cork'>;
  readonly session: SessionKey;
  /** The envelope that the last session ended on: this client learns which try it is. */
  readonly unconfirmed: Unconfirmed | null;
  readonly window: Window;
  readonly heartbeat: Pick<Heartbeat, 'pushed' | 'ask'>;
  readonly latency: Pick<Latency, 'pushed'>;
  readonly owner: { close(close: CloseName, reason: string): void };
}

/** Hands envelopes of one session to its socket, and tells those that wait for their receipts. */
export class Sender {
  // Fields of its own, because one object beside it would be the dearest part of an idle session.
  readonly #context: SenderOptions['context'];
  readonly #socket: SenderOptions['socket'];
  readonly #session: SessionKey;
  readonly #unconfirmed: Unconfirmed | null;
  readonly #window: Window;
  readonly #heartbeat: SenderOptions['heartbeat'];
  readonly #latency: SenderOptions['latency'];
  readonly #owner: SenderOptions['owner'];

  constructor(options: SenderOptions) {
    this.#context = options.context;
    this.#socket = options.socket;
    this.#session = options.session;
    this.#unconfirmed = options.unconfirmed;
    this.#window = options.window;
    this.#heartbeat = options.heartbeat;
    this.#latency = options.latency;
    this.#owner = options.owner;
  }

  /** Several sends in one system call, and then, if none is awaited, a ping for their receipt. */
  together(sends: () => void): void {
    this.#socket.cork(() => {
      sends();
      // Behind a slow reader too: with a full window, it would wait for its receipt for ever.
      this.#heartbeat.ask(this.#window.full);
    });
  }

  send(frame: Buffer, id: MailboxId): SendResult {
    const { metrics } = this.#context;
    try {
      const bytes = this.#session.protocol === 2 ? withSeq(frame, id, this.#triesOf(id)) : frame;
      const result = this.#socket.send(bytes);
      if (result === 'buffered') metrics.backpressure.add();
      if (result !== 'dropped') {
        metrics.envelopesPushed.add();
        metrics.bytesPushed.add(bytes.length);
        this.#window.add(id, frame.length);
        this.#latency.pushed(id);
        this.#heartbeat.pushed(id, bytes.length);
      }
      return result;
    } catch (error) {
      this.#failed(id, error);
      return 'dropped';
    }
  }

  /** Protocol 2: everything that waited at login has been sent. */
  sendDrained(): void {
    if (this.#session.protocol === 2) this.#socket.send(drained(this.#session.code));
  }

  /** Which try this is, from 1. */
  #triesOf(id: MailboxId): number {
    const unconfirmed = this.#unconfirmed;
    return unconfirmed?.id === id ? unconfirmed.tries + 1 : 1;
  }

  /** Uncaught, the error would end the process, and again at the client's next login, for ever. */
  #failed(id: MailboxId, error: unknown): void {
    const comeBack = () => this.#owner.close('restarting', restartReason());
    pushFailed({ context: this.#context, session: this.#session }, { id, error, comeBack });
  }
}

/** Protocol 2: with the mailbox id, opaque to the client. */
function withSeq(frame: Buffer, seq: MailboxId, tries: number): Buffer {
  const longer = Buffer.allocUnsafe(frame.length + seqBytes(seq, tries));
  writeWithSeq(longer, frame, seq, tries);
  return longer;
}
