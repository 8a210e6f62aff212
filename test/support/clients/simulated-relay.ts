import { createHash } from 'node:crypto';

/** Virtual time that a frame or an answer takes. */
const LATENCY_MS = 5;
/** What may be on its way to a client without having been acknowledged. */
const WINDOW = 256;

interface User {
  readonly code: string;
  readonly ecdh_public_key: string;
  readonly eddsa_public_key: string;
  readonly proof: string;
}

interface Stored {
  readonly seq: string;
  readonly sender: string;
  readonly frame: string;
}

/** Everything that waits for one user, and the socket that it goes to. */
class Mailbox {
  stored: Stored[] = [];
  /** How many of `stored` are on their way on the current socket. */
  pushed = 0;
  socket: SimulatedSocket | null = null;
  /** Every frame that was ever stored here. */
  readonly history: Stored[] = [];
  /** Envelopes that are accepted next and never stored. */
  toLose = 0;
}

/**
 * A relay inside the process, by protocol 2, on the timers of the test: `WebSocket` and `fetch` are what a `Relay` takes as
 * options. It loses, repeats and expires envelopes, and cuts sockets, where the test asks for it; otherwise it keeps every promise.
 */
export class SimulatedRelay {
  readonly url = 'http://relay.test';
  readonly #users = new Map<string, User>();
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #outcomes = new Map<string, string>();
  #nextSeq = 1;
  #nextCode = 0;
  /** Envelopes that were accepted, by the type of their message. */
  readonly accepted: Record<string, number> = {};

  /** The class to dial this relay with. */
  get WebSocket(): new (
    url: string,
    protocols: string[],
  ) => SimulatedSocket {
    const relay = this;
    return class extends SimulatedSocket {
      constructor() {
        super(relay);
      }
    };
  }

  readonly fetch = async (url: string, init: { method?: string; body?: string }): Promise<Response> => {
    if (init.method !== 'POST') {
      const user = this.#users.get(url.slice(-7));
      return Response.json(user === undefined ? {} : userJson(user), {
        status: user === undefined ? 404 : 200,
      });
    }
    const asked = JSON.parse(init.body ?? '') as User;
    const known = [...this.#users.values()].find((user) => user.eddsa_public_key === asked.eddsa_public_key);
    const user = known ?? { ...asked, code: `A00000${this.#nextCode++}` };
    this.#users.set(user.code, user);
    return Response.json(userJson(user), { status: known === undefined ? 201 : 200 });
  };

  /** The next envelope to this user is accepted and lost. */
  lose(code: string): void {
    this.mailbox(code).toLose += 1;
  }

  /** Everything that waits for this user runs out. */
  expire(code: string): void {
    const mailbox = this.mailbox(code);
    mailbox.stored = [];
    mailbox.pushed = 0;
  }

  /** Stores an envelope once more that this user has got before. */
  repeat(code: string, which: number): void {
    const mailbox = this.mailbox(code);
    const again = mailbox.history[which % Math.max(1, mailbox.history.length)];
    if (again !== undefined) this.#store(mailbox, again);
  }

  /** The user's connection ends, without a word. */
  cut(code: string): void {
    this.mailbox(code).socket?.drop();
  }

  mailbox(code: string): Mailbox {
    const mailbox = this.#mailboxes.get(code) ?? new Mailbox();
    this.#mailboxes.set(code, mailbox);
    return mailbox;
  }

  /** Loses nothing any more. */
  heal(): void {
    for (const mailbox of this.#mailboxes.values()) mailbox.toLose = 0;
  }

  login(code: string, socket: SimulatedSocket): void {
    const mailbox = this.mailbox(code);
    mailbox.socket = socket;
    mailbox.pushed = 0;
    socket.say(fromServer('connect_ack', { server_time: new Date(Date.now()).toISOString() }));
    this.#push(mailbox);
  }

  logout(code: string, socket: SimulatedSocket): void {
    const mailbox = this.mailbox(code);
    if (mailbox.socket === socket) mailbox.socket = null;
  }

  acknowledge(code: string, seq: string): void {
    const mailbox = this.mailbox(code);
    const index = mailbox.stored.findIndex((stored) => stored.seq === seq);
    mailbox.stored.splice(0, index + 1);
    mailbox.pushed = Math.max(0, mailbox.pushed - index - 1);
    this.#push(mailbox);
  }

  /** Takes an envelope and says what became of it. */
  take(frame: string): string {
    const { data } = JSON.parse(frame) as { data: Record<string, string> & { message: { type: string } } };
    const { sender = '', recipient = '', id = '' } = data;
    if (!this.#users.has(recipient))
      return fromServer('error', { code: 'recipient_unknown', detail: '', id });
    const key = `${recipient}:${sender}:${id}`;
    const digest = createHash('sha256').update(frame).digest('hex');
    const before = this.#outcomes.get(key);
    if (before !== undefined && before !== digest)
      return fromServer('error', { code: 'id_conflict', detail: '', id });
    if (before === undefined) {
      this.#outcomes.set(key, digest);
      this.accepted[data.message.type] = (this.accepted[data.message.type] ?? 0) + 1;
      const mailbox = this.mailbox(recipient);
      if (mailbox.toLose > 0 && sender !== recipient) mailbox.toLose -= 1;
      else this.#store(mailbox, { sender, frame });
    }
    return fromServer('accepted', { id });
  }

  #store(mailbox: Mailbox, { sender, frame }: Omit<Stored, 'seq'>): void {
    const stored = { seq: String(this.#nextSeq++), sender, frame };
    mailbox.stored.push(stored);
    mailbox.history.push(stored);
    this.#push(mailbox);
  }

  #push(mailbox: Mailbox): void {
    if (mailbox.socket === null) return;
    for (const { seq, frame } of mailbox.stored.slice(mailbox.pushed, WINDOW)) {
      mailbox.pushed += 1;
      mailbox.socket.say(`${frame.slice(0, -1)},"seq":"${seq}"}`);
    }
  }
}

/** The client's side of one connection to a `SimulatedRelay`. */
class SimulatedSocket {
  readonly protocol = 'relay.v2';
  binaryType = '';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly #relay: SimulatedRelay;
  #code = '';
  #open = true;

  constructor(relay: SimulatedRelay) {
    this.#relay = relay;
    this.#later(() => {
      this.onopen?.({} as never);
      this.say(fromServer('challenge', { nonce: 'ab'.repeat(32), audience: null }));
    });
  }

  send(text: string): void {
    this.#later(() => this.#receive(text));
  }

  /** To the client. */
  say(text: string): void {
    this.#later(() => this.onmessage?.({ data: text } as never));
  }

  close(): void {
    this.#end();
  }

  /** Ends as a connection that was lost. */
  drop(): void {
    if (!this.#open) return;
    this.#end();
    this.onclose?.({ code: 1006, reason: '' } as never);
  }

  #receive(text: string): void {
    const frame = JSON.parse(text) as { ack?: string; data?: { sender: string } };
    if (frame.ack !== undefined) this.#relay.acknowledge(this.#code, frame.ack);
    else if (this.#code !== '') this.say(this.#relay.take(text));
    else {
      this.#code = frame.data?.sender ?? '';
      this.#relay.login(this.#code, this);
    }
  }

  #end(): void {
    this.#open = false;
    this.#relay.logout(this.#code, this);
  }

  #later(job: () => void): void {
    setTimeout(() => {
      if (this.#open) job();
    }, LATENCY_MS);
  }
}

function fromServer(type: string, payload: object): string {
  return JSON.stringify({ data: { sender: 'server', message: { type, payload } } });
}

function userJson(user: User): object {
  return { id: 1, name: null, created_at: '2026-01-01T00:00:00.000000Z', ...user };
}
