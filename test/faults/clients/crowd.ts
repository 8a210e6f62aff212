import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import type { SentEnvelope } from '../checker/history.ts';
import type { Journal } from '../checker/journal.ts';
import { RecordingClient, type RecordingClientOptions } from './recording-client.ts';

const TICK_MS = 250;
const LOAD_STEP_MS = 20;
const REGISTER_AT_ONCE = 32;
const CONTACTS = 3;
/** To register one user: a machine that is busy with starting is no fault that is tested. */
const TRIES = 20;
const CONNECT_MS = { least: 60_000, each: 40 };
/** A client that cannot send for long stops writing: the fault is what is tested, not the memory of clients. */
const QUEUED_MAX = 40;

export interface CrowdOptions {
  readonly count: number;
  /** Where the users are registered. */
  readonly http: string;
  readonly dial: () => string;
  readonly journal: Journal;
  readonly random: Random;
  /** Share of clients with protocol 2. Default: half. */
  readonly protocol2Share?: number;
  /** Share of clients that send without `id`. Default: a quarter. */
  readonly idlessShare?: number;
  readonly client?: Partial<
    Pick<RecordingClientOptions, 'attemptsMax' | 'backoffMsMax' | 'silenceMs' | 'loginMs' | 'newestPongOnly'>
  >;
}

/** Many plain clients, each of which writes to a few others. */
export class Crowd {
  readonly clients: readonly RecordingClient[];
  readonly journal: Journal;
  readonly #random: Random;
  readonly #contacts = new Map<RecordingClient, readonly string[]>();
  readonly #ticker: NodeJS.Timeout;
  #load: NodeJS.Timeout | null = null;

  /** Registers the users; none connects yet. */
  static async gather(options: CrowdOptions): Promise<Crowd> {
    const users: PlainUser[] = [];
    while (users.length < options.count) {
      const some = Math.min(REGISTER_AT_ONCE, options.count - users.length);
      users.push(
        ...(await Promise.all(
          Array.from({ length: some }, () => registerUser(options.http, { tries: TRIES })),
        )),
      );
    }
    return new Crowd(options, users);
  }

  private constructor(options: CrowdOptions, users: readonly PlainUser[]) {
    const { journal, random, dial, protocol2Share = 0.5, idlessShare = 0.25 } = options;
    this.journal = journal;
    this.#random = random.fork('load');
    this.clients = users.map((user, index) => {
      // By place, not by chance: a crowd of any size has both kinds.
      const share = (index * 0.618_034) % 1;
      const protocol = share < protocol2Share ? 2 : 1;
      const withIds = (index * 0.414_214) % 1 >= idlessShare;
      const fork = random.fork(`client ${index}`);
      return new RecordingClient({ ...options.client, user, protocol, withIds, dial, journal, random: fork });
    });
    for (const [index, client] of this.clients.entries()) {
      const contacts = Array.from({ length: CONTACTS }, (_, i) => users[(index + 1 + 7 * i) % users.length]);
      this.#contacts.set(
        client,
        contacts.flatMap((contact) => (contact === undefined ? [] : [contact.code])),
      );
    }
    this.#ticker = setInterval(() => {
      for (const client of this.clients) client.tick();
    }, TICK_MS);
  }

  get connected(): number {
    return this.clients.reduce((sum, client) => sum + Number(client.connected), 0);
  }

  async connect(timeoutMs = CONNECT_MS.least + this.clients.length * CONNECT_MS.each): Promise<void> {
    for (const client of this.clients) client.start();
    await until(() => this.connected === this.clients.length, {
      what: `${this.clients.length} clients to connect`,
      timeoutMs,
    }).catch((error: Error) => {
      const closes = [...this.journal.closes].map(([code, times]) => `${code} ${times} times`);
      throw new Error(`${error.message}: ${this.connected} are; closed with ${closes.join(', ')}`);
    });
  }

  /** Begins to write: so many envelopes a second in all, from any client (or only `senders`) to a contact. */
  write(perSecond: number, senders: readonly RecordingClient[] = this.clients): void {
    this.rest();
    let owed = 0;
    let lastMs = performance.now();
    this.#load = setInterval(() => {
      const nowMs = performance.now();
      owed = Math.min(perSecond, owed + ((nowMs - lastMs) * perSecond) / 1000);
      lastMs = nowMs;
      for (; owed >= 1; owed -= 1) {
        const client = this.#random.pick(senders);
        if (client.sendQueue.queued >= QUEUED_MAX) continue;
        client.send(this.#random.pick(this.contactsOf(client)), this.#random.integer(0, 400));
      }
    }, LOAD_STEP_MS);
  }

  /** Whom this client writes to. */
  contactsOf(client: RecordingClient): readonly string[] {
    return this.#contacts.get(client) ?? [];
  }

  /** Stops writing. */
  rest(): void {
    if (this.#load !== null) clearInterval(this.#load);
    this.#load = null;
  }

  /**
   * After healing: everything that was written gets its outcome, and every client receives what was accepted.
   * @param mayLose what the store was allowed to lose, and so need not arrive
   * @returns how long it took until the last arrival, and whether all came within the time
   */
  async catchUp(
    timeoutMs: number,
    mayLose: (envelope: SentEnvelope) => boolean,
  ): Promise<{ readonly done: boolean; readonly tookMs: number }> {
    this.rest();
    const startedMs = performance.now();
    const left = () => Math.max(1, timeoutMs - (performance.now() - startedMs));
    const writing = () => this.clients.filter(({ staysAway }) => staysAway === null);
    let markedAtMs = 0;
    const settled = () => {
      // A marker may itself be cut off; a new one then settles what came behind it.
      if (performance.now() - markedAtMs > 1_000) {
        markedAtMs = performance.now();
        for (const client of writing()) client.sendMarkers();
      }
      return writing().every(({ sendQueue }) => sendQueue.open === 0) && this.journal.allArrived(mayLose);
    };
    const done = await until(settled, { what: 'every client to catch up', timeoutMs: left() }).then(
      () => true,
      () => false,
    );
    return { done, tookMs: Math.max(0, this.journal.lastReceivedAtMs - startedMs) };
  }

  /** All clients leave. */
  leave(): void {
    this.rest();
    clearInterval(this.#ticker);
    for (const client of this.clients) client.stop();
  }
}
