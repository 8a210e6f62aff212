import type WebSocket from 'ws';
import { ackFor, User } from '../support/user.ts';
import type { Order } from './orders.ts';

const REGISTER_AT_ONCE = 16;
/** A store that is away comes back within seconds: who keeps trying gets in. */
const RETRIES_MAX = 40;
const RETRY_WAIT_MS_MAX = 5_000;
const SETTLE_MS = 5_000;
const PROGRESS_MS = 10_000;
/** Of one writer, not yet accepted. */
const OUTSTANDING = 64;
const WRITERS = 16;
/** What a full mailbox takes to arrive, on a machine with other work. */
const DRAIN_TIMEOUT_MS = 60_000;

interface Client {
  readonly user: User;
  readonly url: string;
  socket: WebSocket | null;
  id: number;
}

type Dial = Pick<Extract<Order, { do: 'register' }>, 'localAddress' | 'protocol'>;

/** The users of one client process. */
export class Crowd {
  readonly #clients: Client[] = [];
  readonly #dial: Dial;
  readonly #urls: readonly string[];
  received = 0;
  /** Connections that ended and were not cut by us. */
  closed = 0;
  pings = 0;
  /** Whether sockets are being cut by us. */
  #cutting = false;

  static async register(order: Extract<Order, { do: 'register' }>): Promise<Crowd> {
    const crowd = new Crowd(order, order.urls);
    const numbers = Array.from({ length: order.users }, (_, index) => index);
    await each({ what: 'registered', items: numbers, atOnce: REGISTER_AT_ONCE }, async (index) => {
      const url = order.urls[index % order.urls.length] ?? '';
      crowd.#clients.push({ user: await User.register(url), url, socket: null, id: 0 });
    });
    return crowd;
  }

  private constructor(dial: Dial, urls: readonly string[]) {
    this.#dial = dial;
    this.#urls = urls;
  }

  get open(): number {
    return this.#clients.filter(({ socket }) => socket !== null).length;
  }

  async connect(order: Extract<Order, { do: 'connect' }>): Promise<{ open: number; failed: string[] }> {
    const failed: string[] = [];
    const items = this.#clients.slice(0, order.users);
    await each({ what: 'connected', items, atOnce: order.atOnce }, async (client) => {
      for (let tries = 1; client.socket === null; tries += 1) {
        try {
          await this.#login(client);
        } catch (error) {
          failed.push(String(error));
          if (tries === RETRIES_MAX) return;
          await sleep(Math.min(RETRY_WAIT_MS_MAX, 100 * 2 ** tries) * Math.random());
        }
      }
    });
    return { open: this.open, failed };
  }

  async #login(client: Client): Promise<void> {
    const { protocol } = this.#dial;
    const socket = await client.user.login({ url: client.url, ...this.#dial }, (data, on) => {
      if (data.includes('"sender":"server"')) return;
      this.received += 1;
      if (protocol === 2) on.send(ackFor(data));
    });
    client.socket = socket;
    socket.on('ping', () => {
      this.pings += 1;
    });
    socket.once('close', () => {
      client.socket = null;
      if (!this.#cutting) this.closed += 1;
    });
  }

  async cut(): Promise<void> {
    this.#cutting = true;
    for (const { socket } of this.#clients) socket?.terminate();
    while (this.open > 0) await sleep(5);
    this.#cutting = false;
  }

  async talk(order: Extract<Order, { do: 'talk' }>): Promise<{ sent: number; received: number }> {
    const clients = this.#clients.filter(({ socket }) => socket !== null);
    this.received = 0;
    let sent = 0;
    const startMs = performance.now();
    const endMs = startMs + order.seconds * 1000;
    while (performance.now() < endMs) {
      const due = ((performance.now() - startMs) / 1000) * order.perSecond;
      for (; sent < due; sent += 1) {
        const from = clients[sent % clients.length];
        const to = clients[(sent + 1) % clients.length];
        if (from === undefined || to === undefined) throw new Error('nobody is connected who could talk');
        from.socket?.send(envelope(from.user, to.user, from.id++));
      }
      await sleep(1);
    }
    const settleMs = performance.now() + SETTLE_MS;
    while (this.received < sent && performance.now() < settleMs) await sleep(10);
    return { sent, received: this.received };
  }

  async fill(order: Extract<Order, { do: 'fill' }>): Promise<number> {
    const recipients = this.#clients.values();
    let stored = 0;
    const progress = progressOf('stored', this.#clients.length * order.each);
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, number) => {
        const url = this.#urls[number % this.#urls.length] ?? '';
        const writer = await Writer.login(url, this.#dial);
        for (const { user } of recipients) {
          for (let n = 0; n < order.each; n += 1) await writer.send(user);
          stored += order.each;
          progress(stored);
        }
        await writer.end();
      }),
    );
    return stored;
  }

  async drain(order: Extract<Order, { do: 'drain' }>): Promise<number> {
    let received = 0;
    const { each: wanted, atOnce } = order;
    await each({ what: 'drained', items: this.#clients, atOnce }, async ({ user, url }) => {
      const socket = await this.#collect({ user, url, wanted });
      received += wanted;
      socket.close();
    });
    return received;
  }

  /** Resolves when everything has come and been confirmed. */
  #collect(client: { user: User; url: string; wanted: number }): Promise<WebSocket> {
    const { user, url, wanted } = client;
    const { protocol } = this.#dial;
    return new Promise((resolve, reject) => {
      let waiting = wanted;
      const late = () => reject(new Error(`${waiting} of ${wanted} envelopes did not come`));
      const timer = setTimeout(late, DRAIN_TIMEOUT_MS);
      const end = (socket: WebSocket) => {
        clearTimeout(timer);
        resolve(socket);
      };
      user
        .login({ url, ...this.#dial }, (data, on) => {
          if (data.includes('"sender":"server"')) return;
          waiting -= 1;
          if (waiting > 0) return;
          // By protocol 1 the pong is the receipt: ws has answered a ping before it tells of it.
          if (protocol === 1) on.once('ping', () => end(on));
          else on.send(ackFor(data), () => end(on));
        })
        .catch(reject);
    });
  }
}

/** Writes to many, never more than OUTSTANDING ahead of what was accepted. */
class Writer {
  readonly #user: User;
  #socket: WebSocket | null = null;
  #sent = 0;
  #accepted = 0;
  #heard = (): void => undefined;

  static async login(url: string, dial: Dial): Promise<Writer> {
    const writer = new Writer(await User.register(url));
    writer.#socket = await writer.#user.login({ url, ...dial, protocol: 1 }, (data) => {
      if (!data.includes('"type":"accepted"')) throw new Error(`the relay did not accept: ${data}`);
      writer.#accepted += 1;
      writer.#heard();
    });
    return writer;
  }

  private constructor(user: User) {
    this.#user = user;
  }

  async send(to: User): Promise<void> {
    await this.#until(OUTSTANDING - 1);
    this.#socket?.send(envelope(this.#user, to, this.#sent++));
  }

  async end(): Promise<void> {
    await this.#until(0);
    this.#socket?.close();
  }

  async #until(underway: number): Promise<void> {
    while (this.#sent - this.#accepted > underway)
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
  }
}

function envelope(from: User, to: User, id: number): string {
  const message = { type: 'message', payload: 'A'.repeat(300) };
  return from.envelope({ recipient: to.code, id: `${id}`, message });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs `task` for every item, so many at once, and says now and then how far it is. */
async function each<T>(
  list: { readonly what: string; readonly items: readonly T[]; readonly atOnce: number },
  task: (item: T) => Promise<void>,
): Promise<void> {
  const items = list.items.values();
  const progress = progressOf(list.what, list.items.length);
  let done = 0;
  const work = async () => {
    for (const item of items) {
      await task(item);
      done += 1;
      progress(done);
    }
  };
  await Promise.all(Array.from({ length: list.atOnce }, work));
}

function progressOf(what: string, all: number): (done: number) => void {
  let lastMs = performance.now();
  return (done) => {
    if (performance.now() - lastMs < PROGRESS_MS) return;
    lastMs = performance.now();
    process.stderr.write(`  client process ${process.pid}: ${done} of ${all} ${what}\n`);
  };
}
