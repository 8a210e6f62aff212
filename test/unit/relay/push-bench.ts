import type { Engine, MailboxListener, SessionKey, WakeUp } from '../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../src/engine/memory/engine.ts';
import { Semaphore } from '../../../src/relay/context/semaphore.ts';
import { Push, type PushHost } from '../../../src/relay/outbound/push.ts';
import { Window } from '../../../src/relay/outbound/window.ts';
import type { SendResult } from '../../../src/relay/transport/socket.ts';

const LIMITS = {
  mailboxEnvelopes: 10_000,
  mailboxBytes: 1 << 28,
  mailboxSharePercent: 100,
  mailboxTtlMs: 1e9,
  maxUsers: 100,
};

/** The memory engine is real; only the socket is a list, so that it can say `buffered` and `dropped` at will. */
export class Bench implements MailboxListener {
  readonly engine: Engine = createMemoryEngine({ limits: LIMITS });
  readonly sent: string[] = [];
  readonly pinged: string[] = [];
  readonly reads: string[] = [];
  readonly lost: string[] = [];
  drained = 0;
  readonly asides: string[] = [];
  readonly unsendable: string[] = [];
  windowFull = 0;
  nextSends: SendResult[] = [];
  /** Wake-ups that must not come through are dropped here. */
  deaf = false;
  window = new Window(256, 1 << 20);
  heard: WakeUp[] = [];
  code = '';
  session: SessionKey | null = null;
  push: Push | null = null;
  #number = 0;

  async registerBob(): Promise<void> {
    await this.engine.start();
    const keys = { ecdhPublicKey: 'a'.repeat(64), eddsaPublicKey: 'b'.repeat(64) };
    const result = await this.engine.register({ ...keys, name: null, proof: null });
    if (!('user' in result)) throw new Error(result.outcome);
    this.code = result.user.code;
  }

  async login(more: Partial<PushHost> = {}): Promise<Push> {
    await this.engine.subscribe(this.code, this);
    const login = await this.engine.claim({ code: this.code, token: `${Math.random()}`, protocol: 1 });
    if (login.outcome !== 'claimed') throw new Error(login.outcome);
    this.session = login.session;
    this.push = new Push(
      {
        engine: this.engine,
        session: login.session,
        window: this.window,
        reads: new Semaphore(4),
        send: (frame, id) => {
          const result = this.nextSends.shift() ?? 'sent';
          if (result !== 'dropped') this.sent.push(frame.toString());
          this.pinged.push(id);
          return result;
        },
        cork: (sends) => sends(),
        onTurnOver: () => undefined,
        onRead: (cause) => this.reads.push(cause),
        onWindowFull: () => {
          this.windowFull += 1;
        },
        setAside: async (id) => {
          this.asides.push(id);
          return (await this.engine.deadLetter(login.session, id, 'unreadable')) === 'held';
        },
        onUnsendable: (id) => {
          this.unsendable.push(id);
        },
        onLost: (state) => this.lost.push(state),
        onDrained: () => {
          this.drained += 1;
        },
        ...more,
      },
      login,
    );
    return this.push;
  }

  async store(...texts: string[]): Promise<void> {
    this.#number += 1;
    const envelopes = texts.map((text) => ({ frame: Buffer.from(text), dedupe: null }));
    await this.engine.deliver({
      sender: 'A',
      recipient: this.code,
      epoch: 1,
      number: this.#number,
      envelopes,
    });
    // Wake-ups come after the answer, and a backlog is read in steps.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.heard.push(wakeUp);
    if (!this.deaf) this.push?.wake(wakeUp);
  }

  onClaimed(): void {}
  onPoll(): void {}
  onReclaim(): void {}
}
