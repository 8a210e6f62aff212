import { envelopeFrame } from '../../test/support/plain/frames.ts';
import type { PlainClient } from '../../test/support/plain/plain-client.ts';
import type { PlainUser } from '../../test/support/plain/users.ts';
import { ackFor, isFromServer } from '../support/frames.ts';
import { login, register } from '../support/users.ts';
import type { Order } from './orders.ts';

const REGISTER_AT_ONCE = 16;
/** A store that is away comes back within seconds: clients keep trying. */
const RETRIES_MAX = 40;
const RETRY_WAIT_MS_MAX = 5_000;
const SETTLE_MS = 5_000;
const PROGRESS_MS = 10_000;
/** Of one writer, not yet accepted. */
const OUTSTANDING = 64;
const WRITERS = 16;
/** What a full mailbox takes to arrive, on a machine with other work. */
const DRAIN_TIMEOUT_MS = 60_000;
/** A client process dials from so many: with thousands of ports in use on one, the kernel searches long for a free one. */
const ADDRESSES = 250;

interface Member {
  readonly user: PlainUser;
  readonly url: string;
  readonly localAddress: string;
  client: PlainClient | null;
  id: number;
}

/** The users of one client process. */
export class Crowd {
  readonly #members: Member[] = [];
  readonly #protocol: 1 | 2;
  readonly #urls: readonly string[];
  received = 0;
  /** Connections that ended and were not cut by us. */
  closed = 0;
  pings = 0;
  /** Whether sockets are being cut by us. */
  #cutting = false;

  static async register(order: Extract<Order, { do: 'register' }>): Promise<Crowd> {
    const crowd = new Crowd(order);
    const numbers = Array.from({ length: order.users }, (_, index) => index);
    await each({ what: 'registered', items: numbers, atOnce: REGISTER_AT_ONCE }, async (index) => {
      const url = order.urls[index % order.urls.length] ?? '';
      const localAddress = `${order.network}.${(index % ADDRESSES) + 1}`;
      crowd.#members.push({ user: await register(url), url, localAddress, client: null, id: 0 });
    });
    return crowd;
  }

  private constructor({ protocol, urls }: Extract<Order, { do: 'register' }>) {
    this.#protocol = protocol;
    this.#urls = urls;
  }

  get open(): number {
    return this.#members.filter(({ client }) => client !== null).length;
  }

  async connect(order: Extract<Order, { do: 'connect' }>): Promise<{ open: number; failed: string[] }> {
    const failed: string[] = [];
    const items = this.#members.slice(0, order.users);
    await each({ what: 'connected', items, atOnce: order.atOnce }, async (member) => {
      for (let tries = 1; member.client === null; tries += 1) {
        try {
          await this.#login(member);
        } catch (error) {
          failed.push(String(error));
          if (tries === RETRIES_MAX) return;
          await sleep(Math.min(RETRY_WAIT_MS_MAX, 100 * 2 ** tries) * Math.random());
        }
      }
    });
    return { open: this.open, failed };
  }

  async #login(member: Member): Promise<void> {
    const { url, user, localAddress } = member;
    const protocol = this.#protocol;
    const onFrame = (frame: Buffer, on: PlainClient) => {
      if (isFromServer(frame)) return;
      this.received += 1;
      if (protocol === 2) on.send(ackFor(frame));
    };
    const client = await login(url, user, { protocol, localAddress, onFrame });
    member.client = client;
    client.ws.on('ping', () => {
      this.pings += 1;
    });
    client.ws.once('close', () => {
      member.client = null;
      if (!this.#cutting) this.closed += 1;
    });
  }

  async cut(): Promise<void> {
    this.#cutting = true;
    for (const { client } of this.#members) client?.ws.terminate();
    while (this.open > 0) await sleep(5);
    this.#cutting = false;
  }

  async talk(order: Extract<Order, { do: 'talk' }>): Promise<{ sent: number; received: number }> {
    const members = this.#members.filter(({ client }) => client !== null);
    this.received = 0;
    let sent = 0;
    const startMs = performance.now();
    const endMs = startMs + order.seconds * 1000;
    while (performance.now() < endMs) {
      const due = ((performance.now() - startMs) / 1000) * order.perSecond;
      for (; sent < due; sent += 1) {
        const from = members[sent % members.length];
        const to = members[(sent + 1) % members.length];
        if (from === undefined || to === undefined) throw new Error('no client is connected');
        from.client?.send(envelope(from.user, to.user, from.id++));
      }
      await sleep(1);
    }
    const settleMs = performance.now() + SETTLE_MS;
    while (this.received < sent && performance.now() < settleMs) await sleep(10);
    return { sent, received: this.received };
  }

  async fill(order: Extract<Order, { do: 'fill' }>): Promise<number> {
    const recipients = this.#members.values();
    let stored = 0;
    const progress = progressOf('stored', this.#members.length * order.each);
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, number) => {
        const url = this.#urls[number % this.#urls.length] ?? '';
        const writer = await Writer.login(url);
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
    await each({ what: 'drained', items: this.#members, atOnce }, async (member) => {
      const client = await this.#collect(member, wanted);
      received += wanted;
      client.ws.close();
    });
    return received;
  }

  /** Resolves when everything has come and been confirmed. */
  #collect({ user, url, localAddress }: Member, wanted: number): Promise<PlainClient> {
    const protocol = this.#protocol;
    return new Promise((resolve, reject) => {
      let waiting = wanted;
      const late = () => reject(new Error(`${waiting} of ${wanted} envelopes did not come`));
      const timer = setTimeout(late, DRAIN_TIMEOUT_MS);
      const end = (client: PlainClient) => {
        clearTimeout(timer);
        resolve(client);
      };
      const onFrame = (frame: Buffer, on: PlainClient) => {
        if (isFromServer(frame)) return;
        waiting -= 1;
        if (waiting > 0) return;
        // By protocol 1 the pong is the receipt, which the client has sent before this listener is called.
        if (protocol === 1) on.ws.once('ping', () => end(on));
        else on.ws.send(ackFor(frame), () => end(on));
      };
      login(url, user, { protocol, localAddress, onFrame }).catch(reject);
    });
  }
}

/** Writes to many, never more than OUTSTANDING ahead of what was accepted. */
class Writer {
  readonly #user: PlainUser;
  #client: PlainClient | null = null;
  #sent = 0;
  #accepted = 0;
  #heard = (): void => undefined;

  static async login(url: string): Promise<Writer> {
    const writer = new Writer(await register(url));
    const onFrame = (frame: Buffer, { loggedIn }: PlainClient) => {
      if (!loggedIn || frame.includes('"type":"connect_ack"')) return;
      if (!frame.includes('"type":"accepted"')) throw new Error(`the relay did not accept: ${frame}`);
      writer.#accepted += 1;
      writer.#heard();
    };
    writer.#client = await login(url, writer.#user, { protocol: 1, onFrame });
    return writer;
  }

  private constructor(user: PlainUser) {
    this.#user = user;
  }

  async send(to: PlainUser): Promise<void> {
    await this.#until(OUTSTANDING - 1);
    this.#client?.send(envelope(this.#user, to, this.#sent++));
  }

  async end(): Promise<void> {
    await this.#until(0);
    this.#client?.ws.close();
  }

  async #until(underway: number): Promise<void> {
    while (this.#sent - this.#accepted > underway)
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
  }
}

function envelope(from: PlainUser, to: PlainUser, id: number): string {
  return envelopeFrame(from, { recipient: to.code, id: `${id}`, payload: 'A'.repeat(300) });
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
