import type { Engine, MailboxListener, SessionKey, WakeUp } from '../../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../../src/engine/memory/engine.ts';
import { createLog } from '../../../../src/ops/log/log.ts';
import { createMetrics } from '../../../../src/ops/metrics/metrics.ts';
import { PushFailures } from '../../../../src/relay/context/push-failures.ts';
import { Semaphore } from '../../../../src/relay/limits/semaphore.ts';
import { Push } from '../../../../src/relay/outbound/push.ts';
import { Sender } from '../../../../src/relay/outbound/sender.ts';
import { Window } from '../../../../src/relay/outbound/window.ts';
import type { SendResult } from '../../../../src/relay/transport/socket.ts';
import { LIMITS as DEFAULT_LIMITS } from '../../../engine/backends.ts';

const LIMITS = { ...DEFAULT_LIMITS, mailboxEnvelopes: 10_000, mailboxBytes: 1 << 28 };

interface Changed {
  readonly read?: Engine['read'];
  readonly deadLetter?: Engine['deadLetter'];
  /** May throw, and must otherwise answer for the socket. */
  readonly send?: (text: string) => SendResult;
}

/** Wake-ups come after the answer, and a backlog is read in steps. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The memory engine is real; only the socket is a list, so that it can say `buffered` and `dropped` at will. */
export class Bench implements MailboxListener {
  readonly engine: Engine = createMemoryEngine({ limits: LIMITS });
  readonly metrics = createMetrics();
  readonly sent: string[] = [];
  /** Ids of the frames that the socket took. */
  readonly pinged: string[] = [];
  /** The cause of each read. */
  readonly reads: string[] = [];
  readonly lost: string[] = [];
  readonly deadLetters: string[] = [];
  /** Ids of the envelopes whose send threw. */
  readonly unsendable: string[] = [];
  /** How much was sent at each request for a receipt. */
  readonly asked: number[] = [];
  drained = 0;
  nextSends: SendResult[] = [];
  /** Drops wake-ups. */
  deaf = false;
  window = new Window({ envelopesMax: 256, bytesMax: 1 << 20 });
  heard: WakeUp[] = [];
  code = '';
  session: SessionKey | null = null;
  push: Push | null = null;
  #number = 0;

  get windowFull(): number {
    return this.metrics.windowFull.value;
  }

  async registerBob(): Promise<void> {
    const { mailboxReads } = this.metrics;
    const counterOf = mailboxReads.of.bind(mailboxReads);
    Object.assign(mailboxReads, {
      of: (cause: Parameters<typeof counterOf>[0]) => {
        this.reads.push(cause);
        return counterOf(cause);
      },
    });
    await this.engine.start();
    const keys = { ecdhPublicKey: 'a'.repeat(64), eddsaPublicKey: 'b'.repeat(64) };
    const result = await this.engine.register({ ...keys, name: null, proof: null });
    if (!('user' in result)) throw new Error(result.outcome);
    this.code = result.user.code;
  }

  /** Logs in by protocol 2, so that the socket sees `drained`, and starts to push. */
  async start(changed: Changed = {}): Promise<Push> {
    const subscription = await this.engine.subscribe(this.code, this);
    const login = await this.engine.claim({ code: this.code, token: `${Math.random()}`, protocol: 2 });
    if (login.outcome !== 'claimed') throw new Error(login.outcome);
    this.session = login.session;
    const context = {
      engine: this.#engine(changed),
      reads: new Semaphore(4),
      now: () => performance.now(),
      metrics: this.metrics,
      log: createLog({ logLevel: 'error', nodeId: 'n' }, { write: () => undefined }),
      pushFailures: this.#pushFailures(),
    };
    const { window } = this;
    const sender = new Sender({
      context,
      window,
      session: login.session,
      unconfirmed: login.unconfirmed,
      socket: {
        send: (frame) => this.#take(`${frame}`, changed),
        cork: (sends) => sends(),
      },
      heartbeat: { pushed: (id) => this.pinged.push(id), ask: () => this.asked.push(this.sent.length) },
      latency: { pushed: () => undefined },
      owner: { close: () => undefined },
    });
    const owner = {
      onLost: (state: string) => this.lost.push(state),
      onHeld: () => undefined,
    };
    this.push = new Push({ context, window, sender, subscription, owner, login });
    this.push.start();
    return this.push;
  }

  async store(...texts: string[]): Promise<void> {
    this.#number += 1;
    const envelopes = texts.map((text) => ({ frame: Buffer.from(`${text}}`), dedupe: null }));
    await this.engine.deliver({
      sender: 'A',
      recipient: this.code,
      epoch: 1,
      number: this.#number,
      heldAtMs: performance.now(),
      envelopes,
    });
    await settle();
  }

  /** The real engine's verbs, or those of `changed`; notes dead letters. */
  #engine(changed: Changed): Pick<Engine, 'read' | 'deadLetter'> {
    return {
      read: (request) => (changed.read ?? this.engine.read).call(this.engine, request),
      deadLetter: (session, id, reason) => {
        this.deadLetters.push(id);
        return (changed.deadLetter ?? this.engine.deadLetter).call(this.engine, session, id, reason);
      },
    };
  }

  #pushFailures(): PushFailures {
    const isLast = (envelope: string) => {
      this.unsendable.push(envelope.split(' ')[1] ?? '');
      return false;
    };
    return Object.assign(new PushFailures(), { isLast });
  }

  #take(frame: string, { send }: Changed): SendResult {
    if (frame.includes('"drained"')) {
      this.drained += 1;
      return 'sent';
    }
    const text = frame.slice(0, frame.indexOf(',"seq":'));
    const result = send?.(text) ?? this.nextSends.shift() ?? 'sent';
    if (result !== 'dropped') this.sent.push(text);
    return result;
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.heard.push(wakeUp);
    if (!this.deaf) this.push?.wake(wakeUp);
  }

  onClaimed(): void {}
  onPoll(): void {}
  onReclaim(): void {}
}
