import { WebSocket } from 'ws';
import { lookup } from '../../client/account/directory.ts';
import { type Endpoints, endpointsOf } from '../../client/account/endpoints.ts';
import type { Identity } from '../../client/account/identity.ts';
import { signedFrame } from '../../client/account/signing.ts';
import { outcomeOf } from '../../client/commands/relay-reply.ts';
import { newEnvelopeId } from '../../client/connection/envelope-id.ts';
import { Link } from '../../client/connection/link.ts';
import { socketConstructor } from '../../client/connection/web-socket.ts';
import { ClientError } from '../../client/errors.ts';
import { ack, signedText } from '../../protocol/frames/relay-frames.ts';
import { loadIdentity } from './account/identity-file.ts';
import { registeredCode } from './account/registered.ts';
import { openState } from './account/state.ts';
import type { Person } from './options.ts';

/** One envelope there and back. */
const ROUND_WITHIN_MS = 10_000;

interface Round {
  readonly acceptedMs: number;
  readonly deliveredMs: number;
}

/** Prints how long the relay takes for each step, and for `count` envelopes to ourselves. */
export async function pingRelay(person: Person, count: number): Promise<void> {
  const say = (line: object, words: string) => console.log(person.json ? JSON.stringify(line) : words);
  const endpoints = endpointsOf(person.url);
  const identity = await loadIdentity(person.identityFile);
  const code = await registeredCode(person, identity);
  // Its login would displace another process of this identity.
  const { unlock } = await openState(person, identity);
  try {
    const lookupMs = await timed(() => lookup(code, { endpoints }));
    say({ step: 'lookup', ms: lookupMs }, `look-up     ${shown(lookupMs)}`);
    const line = new Line({ endpoints, identity, code });
    try {
      const loginMs = await timed(() => line.opened);
      say({ step: 'login', ms: loginMs }, `login       ${shown(loginMs)}`);
      for (let number = 1; number <= count; number++) {
        const { acceptedMs, deliveredMs } = await line.round();
        say(
          { step: 'round', number, acceptedMs, deliveredMs },
          `envelope ${String(number).padEnd(3)}accepted ${shown(acceptedMs)}   delivered ${shown(deliveredMs)}`,
        );
      }
    } finally {
      line.close();
    }
  } finally {
    await unlock();
  }
}

/** A connection that writes to itself. */
class Line {
  readonly opened: Promise<void>;
  readonly #link: Link;
  readonly #identity: Identity;
  readonly #code: string;
  #onEnd: (error: ClientError) => void = () => {};
  #onAccepted = () => {};
  #onDelivered = () => {};
  #id = '';

  constructor(options: { endpoints: Endpoints; identity: Identity; code: string }) {
    this.#identity = options.identity;
    this.#code = options.code;
    let welcome = () => {};
    this.opened = new Promise((resolve, reject) => {
      welcome = resolve;
      this.#onEnd = reject;
    });
    this.#link = new Link({
      ...options,
      protocol: 2,
      WebSocket: socketConstructor(WebSocket),
      onWelcome: () => welcome(),
      onEnvelope: ({ seq, data }) => {
        if (new TextDecoder().decode(data).includes(this.#id)) this.#onDelivered();
        if (seq !== null) this.#link.send(ack(seq));
      },
      onServer: ({ type, payload }) => {
        const outcome = outcomeOf(type, payload);
        if (outcome?.id !== this.#id) return;
        if (outcome.outcome === 'accepted') this.#onAccepted();
        else
          this.#onEnd(
            new ClientError('refused', `The relay says ${String(payload.code)}: ${String(payload.detail)}`),
          );
      },
      onProbe: () => {},
      onFrame: () => {},
      onEnd: (end) => {
        if (end.how === 'failed') return this.#onEnd(end.error);
        const said = end.lastError ?? `closed with ${end.code}`;
        this.#onEnd(new ClientError('unreachable', `The connection ended: ${said}.`));
      },
    });
  }

  /** Resolves when the envelope has been accepted and is back. */
  round(): Promise<Round> {
    return new Promise((resolve, reject) => {
      const startedMs = performance.now();
      const timer = setTimeout(() => {
        reject(
          new ClientError('unreachable', `An envelope did not come back within ${ROUND_WITHIN_MS / 1000} s.`),
        );
      }, ROUND_WITHIN_MS);
      let acceptedMs = Number.NaN;
      let deliveredMs = Number.NaN;
      const settle = () => {
        if (Number.isNaN(acceptedMs) || Number.isNaN(deliveredMs)) return;
        clearTimeout(timer);
        resolve({ acceptedMs, deliveredMs });
      };
      this.#onEnd = reject;
      this.#onAccepted = () => {
        acceptedMs = performance.now() - startedMs;
        settle();
      };
      this.#onDelivered = () => {
        deliveredMs = performance.now() - startedMs;
        settle();
      };
      this.#id = newEnvelopeId();
      const own = { sender: this.#code, recipient: this.#code, id: this.#id, message: { type: 'ping' } };
      this.#link.send(signedFrame(signedText(own), this.#identity));
    });
  }

  close(): void {
    this.#onEnd = () => {};
    this.#link.close();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function shown(ms: number): string {
  return `${ms.toFixed(1).padStart(8)} ms`;
}
