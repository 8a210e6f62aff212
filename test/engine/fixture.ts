import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll } from 'vitest';
import type {
  Account,
  ClaimResult,
  DeliverOutcome,
  Engine,
  EngineLimits,
  Envelope,
  MailboxId,
  MailboxListener,
  ReadResult,
  Registration,
  SessionKey,
  User,
  WakeUp,
} from '../../src/engine/engine.ts';
import type { SignedPrekeys } from '../../src/engine/verbs/prekeys.ts';
import { KEM_KEY_BYTES } from '../../src/protocol/prekeys.ts';
import { type Backend, LIMITS } from './backends.ts';

export type Claimed = Extract<ClaimResult, { outcome: 'claimed' }>;

export const key = (): string => randomBytes(32).toString('hex');
export const newToken = (): string => randomBytes(16).toString('hex');
export const frame = (text: string): Buffer => Buffer.from(`{"data":"${text}"}`);
export const envelope = (text: string, id?: string, digest = `digest of ${text}`): Envelope => ({
  frame: frame(text),
  dedupe: id === undefined ? null : { id, digest },
});

/** Without a signature: the engine believes its caller. */
export const prekeyBatch = (generation: number, count = 20): SignedPrekeys => ({
  generation,
  keys: Array.from({ length: count }, key),
  kemPublicKey: randomBytes(KEM_KEY_BYTES).toString('base64'),
  signature: randomBytes(64).toString('hex'),
});

/** A listener that records its calls, in order. */
export class RecordingListener implements MailboxListener {
  readonly wakeUps: WakeUp[] = [];
  readonly claims: string[] = [];
  polls = 0;
  reclaims = 0;

  /** Of the envelopes that wake-ups have brought. */
  get texts(): string[] {
    return this.wakeUps.map(({ frame: bytes }) => text(bytes));
  }

  onWakeUp(wakeUp: WakeUp): void {
    // A copy: a wake-up may be a view into something larger.
    this.wakeUps.push({ ...wakeUp, frame: Buffer.from(wakeUp.frame) });
  }
  onClaimed(token: string): void {
    this.claims.push(token);
  }
  onPoll(): void {
    this.polls += 1;
  }
  onReclaim(): void {
    this.reclaims += 1;
  }
}

/** A sending session that numbers its batches. */
export class Sender {
  readonly #engine: Engine;
  readonly code: string;
  readonly epoch: number;
  /** How long ago the store has said that this session holds. */
  heldMsAgo = 0;
  #number = 0;

  constructor(engine: Engine, code: string, epoch = 1) {
    this.#engine = engine;
    this.code = code;
    this.epoch = epoch;
  }

  send(recipient: string, ...envelopes: readonly Envelope[]): Promise<readonly DeliverOutcome[]> {
    this.#number += 1;
    return this.sendAs(this.#number, recipient, ...envelopes);
  }

  sendAs(
    number: number,
    recipient: string,
    ...envelopes: readonly Envelope[]
  ): Promise<readonly DeliverOutcome[]> {
    const heldAtMs = performance.now() - this.heldMsAgo;
    const { code: sender, epoch } = this;
    return this.#engine.deliver({ sender, recipient, epoch, number, heldAtMs, envelopes });
  }
}

/** Starts nodes on one backend, and closes them behind each test. */
class Nodes {
  readonly #backend: Backend;
  readonly #started = new Set<Engine>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** A running node. With equal `limits` (the same object) nodes share one store, also in memory. */
  async start(limits: EngineLimits = LIMITS): Promise<Engine> {
    const node = this.#backend.node(limits);
    if (!this.#started.has(node)) await node.start();
    this.#started.add(node);
    return node;
  }

  /** A node with these limits, a user of it, and who writes to that user. */
  async mailbox(limits: EngineLimits): Promise<{ node: Engine; code: string; alice: Sender }> {
    const node = await this.start(limits);
    return { node, code: (await register(node)).code, alice: new Sender(node, 'ALICE00') };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#started].map((node) => node.close()));
    this.#started.clear();
  }
}

/** Nodes of a `describe`, whose first test begins with an empty store. */
export function nodesForTests(backend: Backend): Nodes {
  const nodes = new Nodes(backend);
  beforeAll(() => backend.clear());
  afterEach(() => nodes.end());
  return nodes;
}

/** The engine believes its caller: any is as good as another. */
export const PROOF = 'ab'.repeat(64);

/** Of new keys, unproven, where not said otherwise. */
export const registration = (changes: Partial<Registration> = {}): Registration => ({
  ecdhPublicKey: key(),
  eddsaPublicKey: key(),
  name: null,
  proof: null,
  ...changes,
});

export function register(engine: Engine, proven = false): Promise<User> {
  return created(engine, registration({ proof: proven ? PROOF : null }));
}

/** The new user of a registration. */
export async function created(engine: Engine, request: Registration): Promise<User> {
  const result = await engine.register(request);
  if (result.outcome !== 'created') throw new Error(`registered: ${result.outcome}`);
  return result.user;
}

/** Null also for one that was deleted. */
export async function accountOf(engine: Engine, code: string): Promise<Account | null> {
  const account = await engine.findUser(code);
  return account === 'gone' ? null : account;
}

export async function login(engine: Engine, code: string, protocol: 1 | 2 = 1): Promise<Claimed> {
  const claimed = await engine.claim({ code, token: newToken(), protocol });
  if (claimed.outcome !== 'claimed') throw new Error(`claimed: ${claimed.outcome}`);
  return claimed;
}

/** Registers a user, who logs in. */
export async function newSession(
  engine: Engine,
  { proven = false, protocol = 1 }: { proven?: boolean; protocol?: 1 | 2 } = {},
): Promise<Claimed & { readonly code: string }> {
  const { code } = await register(engine, proven);
  return { code, ...(await login(engine, code, protocol)) };
}

/** A listener that has subscribed. */
export async function listening(engine: Engine, code: string): Promise<RecordingListener> {
  const listener = new RecordingListener();
  await engine.subscribe(code, listener);
  return listener;
}

export function read(
  engine: Engine,
  session: SessionKey,
  after: MailboxId | null = null,
): Promise<ReadResult> {
  return engine.read({ session, after, maxEnvelopes: 1_000, maxBytes: 64 * 1024 * 1024 });
}

/** The texts of the envelopes behind a cursor; rejects unless the session is valid. */
export async function texts(
  engine: Engine,
  session: SessionKey,
  after: MailboxId | null = null,
): Promise<string[]> {
  return (await held(engine, session, after)).envelopes.map(({ frame: bytes }) => text(bytes));
}

export async function held(
  engine: Engine,
  session: SessionKey,
  after: MailboxId | null = null,
): Promise<Extract<ReadResult, { state: 'held' }>> {
  const result = await read(engine, session, after);
  if (result.state !== 'held') throw new Error(`read: ${result.state}`);
  return result;
}

/** The text that `frame` was made from. */
export function text(bytes: Buffer | null): string {
  return bytes === null ? '(undecodable)' : bytes.toString('utf8').slice('{"data":"'.length, -2);
}

/** The ids of the waiting envelopes, oldest first. */
export async function ids(engine: Engine, session: SessionKey): Promise<MailboxId[]> {
  return (await held(engine, session)).envelopes.map(({ id }) => id);
}
