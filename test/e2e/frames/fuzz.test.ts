import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { judge } from '../../support/frames/frame-oracle.ts';
import { cook, type Recipe, recipe, Signatures } from '../../support/frames/fuzz-recipes.ts';
import { envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/**
 * 100,000 frames that are nearly right, against a live node: it never dies, and answers each exactly as an oracle
 * that shares nothing with it says, number of the frame, close and all.
 */
const SEED = 20250326;
/** `npm run test:fuzz` sends all of them, `npm test` fewer. */
const LONG = process.env.KEYRELAY_FUZZ === 'long';
const BEFORE_LOGIN = LONG
  ? { frames: 5_000, runs: 140, perRun: 80 }
  : { frames: 1_200, runs: 40, perRun: 80 };
const AFTER_LOGIN = LONG
  ? { frames: 95_000, runs: 365, perRun: 600 }
  : { frames: 6_800, runs: 32, perRun: 600 };
/** Shrinking included. */
const TIME_LIMIT_MS = 480_000;
/** Sockets at once. */
const WIDTH = 8;
const MAX_FRAME_BYTES = 65_536;
const FAULTS_MAX = 10;
const CLIENT_FAULTS = [
  'bad_frame',
  'bad_signature',
  'sender_mismatch',
  'id_conflict',
  'unknown_command',
  'too_large',
];

const relay = relayForTests({
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_NOISE_PER_S: '0',
  RELAY_MAILBOX_ENVELOPES: '1000000',
  RELAY_MAILBOX_BYTES: '1073741824',
  RELAY_WINDOW_ENVELOPES: '65536',
  RELAY_WINDOW_BYTES: '67108864',
});
let away: PlainUser;
const codes = new Set<string>();
const signatures = new Signatures();

beforeAll(async () => {
  away = await register();
});

async function register(): Promise<PlainUser> {
  const user = await registerUser(relay.http);
  codes.add(user.code);
  return user;
}

/** What is expected of one frame: an error code, or the close that comes without one; null: none. */
interface Expected {
  readonly error: string | null;
  readonly close: number | null;
}

const FINE: Expected = { error: null, close: null };

/** By the way it is sent. Null if it comes to what is in it. */
function expectedOfWire({ by }: Recipe): Expected | null {
  if (by === 'binary') return { error: null, close: 4400 };
  if (by === 'not UTF-8' || by === 'far too large') return { error: null, close: 1006 };
  return by === 'too large' ? { error: 'too_large', close: 1009 } : null;
}

function send(socket: PlainClient, { by }: Recipe, text: string): void {
  const bytes = Buffer.from(text);
  const { ws } = socket;
  if (by === 'text') ws.send(text);
  else if (by === 'binary') ws.send(bytes);
  else if (by === 'not UTF-8') ws.send(Buffer.concat([bytes, Buffer.from([0xc3])]), { binary: false });
  else if (by === 'too large') ws.send(text.padEnd(MAX_FRAME_BYTES + 1));
  else if (by === 'far too large') ws.send(text.padEnd(2 * MAX_FRAME_BYTES + 1));
  else {
    const middle = bytes.length >> 1;
    ws.send(bytes.subarray(0, middle), { binary: false, fin: false });
    ws.send(bytes.subarray(middle), { binary: false, fin: true });
  }
}

// ── before login ──

function expectedBefore(
  text: string,
  protocol: 1 | 2,
  nonce: string,
): Expected & { readonly connected: boolean } {
  const refused = (error: string, close: number) => ({ error, close, connected: false });
  const judgement = judge(text, protocol);
  if (judgement.kind === 'bad_frame' || judgement.kind === 'ack' || judgement.kind === 'skip')
    return refused('bad_frame', 4400);
  if (judgement.kind === 'envelope' || judgement.kind === 'command') return refused('not_connected', 4401);
  if (protocol === 2 && judgement.nonce !== nonce) return refused('bad_challenge', 4401);
  return signatures.isRight(judgement) ? { ...FINE, connected: true } : refused('bad_signature', 4401);
}

async function fuzzBefore(protocol: 1 | 2, own: PlainUser, recipes: readonly Recipe[]): Promise<void> {
  for (const each of recipes) {
    const socket = await (protocol === 1 ? PlainClient.open(relay.ws) : PlainClient.challenged(relay.ws));
    const greetings = socket.received.length;
    const nonce = protocol === 1 ? '' : socket.challenge().nonce;
    const text = cook(each, { own, other: away, nonce }, signatures);
    const byWire = expectedOfWire(each);
    const expected =
      byWire === null ? expectedBefore(text, protocol, nonce) : { ...byWire, connected: false };
    send(socket, each, text);
    await socket.until(() => socket.closed !== null || socket.received.length > greetings);
    if (expected.close !== null) await socket.untilClosed();
    const [error] = socket.errors();
    const seen = {
      error: error?.code ?? null,
      frame: error?.frame ?? null,
      close: socket.closed?.code ?? null,
      connected: socket.received.some((frame) => frame.includes('"connect_ack"')),
    };
    const frame = expected.error === null ? null : 1;
    expect({ text, ...seen }).toEqual({ text, ...expected, frame });
    if (expected.close === null) await socket.cut();
  }
}

// ── after login ──

/** What one user has sent with an id, by recipient and id. */
type Known = Map<string, string>;

function expectedAfter(text: string, protocol: 1 | 2, own: PlainUser, known: Known): Expected {
  const judgement = judge(text, protocol);
  const refused = (error: string) => ({ error, close: null });
  if (judgement.kind === 'ack' || judgement.kind === 'skip') return FINE;
  if (judgement.kind !== 'envelope' && judgement.kind !== 'command') return refused('bad_frame');
  if (judgement.sender !== own.code) return refused('sender_mismatch');
  if (!signatures.isRight(judgement)) return refused('bad_signature');
  // No recipe makes a command that there is.
  if (judgement.kind === 'command') return refused('unknown_command');
  if (!codes.has(judgement.recipient)) return refused('recipient_unknown');
  if (judgement.id === null) return FINE;
  const key = `${judgement.recipient} ${judgement.id}`;
  if (known.has(key) && known.get(key) !== judgement.data) return refused('id_conflict');
  known.set(key, judgement.data);
  return FINE;
}

interface Person {
  user: PlainUser;
  readonly known: Known;
}

/** Envelopes on a dropped connection may be stored or not until the user's next login: a new user goes on instead. */
async function renew(person: Person): Promise<void> {
  person.user = await register();
  person.known.clear();
}

const FROM_STORE: ReadonlySet<string> = new Set(['id_conflict', 'recipient_unknown']);

let sentinels = 0;

/** Sends all, on as many sockets as ten faults a minute make necessary. */
async function fuzzAfter(protocol: 1 | 2, person: Person, recipes: readonly Recipe[]): Promise<void> {
  let left = recipes;
  while (left.length > 0) {
    const { user, known } = person;
    const socket = await PlainClient.login(relay.ws, user, { protocol });
    const expected: { frame: number; error: string }[] = [];
    let close: number | null = null;
    let ownClose: number | null = null;
    let faults = 0;
    let sent = 0;
    socket.inOneWrite(() => {
      for (const each of left) {
        sent += 1;
        const text = cook(each, { own: user, other: away, nonce: '' }, signatures);
        const { error, close: closes } = expectedOfWire(each) ?? expectedAfter(text, protocol, user, known);
        send(socket, each, text);
        if (error !== null) expected.push({ frame: sent + 1, error });
        if (error !== null && CLIENT_FAULTS.includes(error)) faults += 1;
        ownClose = closes;
        close = faults === FAULTS_MAX ? 4400 : closes;
        if (close !== null) break;
      }
    });
    if (close === null) {
      await roundTrip(socket, user);
      // Answers come in order for each recipient only.
      await socket.until(() => socket.errors().length >= expected.length);
    } else {
      const { code } = await socket.untilClosed();
      // One of ten faults that the store finds may come too late to be the tenth before a frame closes by itself.
      const late = expected.some(({ error }) => error === 'id_conflict');
      expect(late && code === ownClose ? close : code).toBe(close);
    }
    const seen = socket.errors().map(({ frame, code }) => ({ frame, error: code }));
    seen.sort((a, b) => a.frame - b.frame);
    // What the store has to say may come too late for a socket that is being closed.
    const told = expected.filter(
      ({ frame, error }) =>
        close === null || !FROM_STORE.has(error) || seen.some((each) => each.frame === frame),
    );
    // A dropped TCP connection may take with it what was on its way.
    expect(seen).toEqual(close === 1006 ? told.slice(0, seen.length) : told);
    if (close === null) await socket.cut();
    if (close === 1006) await renew(person);
    left = left.slice(sent);
  }
}

/** What was sent before has been looked at when this is answered. */
async function roundTrip(socket: PlainClient, user: PlainUser): Promise<void> {
  sentinels += 1;
  const id = `sentinel-${sentinels}`;
  socket.send(envelopeFrame(user, { recipient: user.code, id }));
  await socket.until(
    () => socket.closed !== null || socket.received.some((text) => text.includes(`{"id":"${id}"}`)),
  );
  expect(socket.closed).toBeNull();
}

// ── both ──

/** Deals the recipes out to `WIDTH` people. */
async function together<T>(
  people: readonly T[],
  recipes: readonly Recipe[],
  run: (person: T, share: readonly Recipe[]) => Promise<void>,
): Promise<void> {
  const shares = people.map(
    (person, n) => [person, recipes.filter((_, index) => index % WIDTH === n)] as const,
  );
  // All of them end before fast-check tries something smaller with the same people.
  const results = await Promise.allSettled(shares.map(([person, share]) => run(person, share)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function stillAlive(pid: number): Promise<void> {
  expect(relay.ended).toBeNull();
  expect(relay.pid).toBe(pid);
  const health = await fetch(`http://127.0.0.1:${relay.adminPort}/healthz`);
  expect(health.status).toBe(200);
  expect(relay.output).not.toContain('"severity":"error"');
}

const protocols = fc.constantFrom(1 as const, 2 as const);

function people<T>(make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: WIDTH }, make));
}

interface Plan {
  readonly frames: number;
  readonly runs: number;
  readonly perRun: number;
}

/** Runs the recipes of `plan` by both protocols, on so many users at once. */
async function fuzz<T>(
  plan: Plan,
  make: () => Promise<T>,
  run: (protocol: 1 | 2, one: T, share: readonly Recipe[]) => Promise<void>,
): Promise<void> {
  const { pid } = relay;
  const own = { 1: await people(make), 2: await people(make) };
  let count = 0;
  const recipes = fc.array(recipe, { minLength: 1, maxLength: plan.perRun, size: 'max' });
  const property = fc.asyncProperty(protocols, recipes, async (protocol, some) => {
    await together(own[protocol], some, (one, share) => run(protocol, one, share));
    count += some.length;
  });
  await fc.assert(property, {
    seed: SEED,
    numRuns: plan.runs,
    interruptAfterTimeLimit: TIME_LIMIT_MS,
    markInterruptAsFailure: true,
  });
  expect(count).toBeGreaterThanOrEqual(plan.frames);
  await stillAlive(pid);
}

it(
  `answers ${BEFORE_LOGIN.frames} frames before login by the table, each on another socket`,
  {
    timeout: 2 * TIME_LIMIT_MS,
  },
  () => fuzz(BEFORE_LOGIN, register, fuzzBefore),
);

it(`answers ${AFTER_LOGIN.frames} frames after login by the table`, { timeout: 2 * TIME_LIMIT_MS }, () => {
  const person = async (): Promise<Person> => ({ user: await register(), known: new Map() });
  return fuzz(AFTER_LOGIN, person, fuzzAfter);
});
