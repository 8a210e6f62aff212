import type { Arrival, History, SentEnvelope } from './history.ts';

/** What must not happen, each counted in envelopes. */
export const FAULT_NAMES = [
  'lostPrefix',
  'lostMiddle',
  'lostTail',
  'phantom',
  'altered',
  'misdelivered',
  'inverted',
  'skipped',
  'duplicate',
  'doubled',
] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

export interface Counts extends Record<FaultName, number> {
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Accepted and never received, but the store itself was allowed to lose it. */
  readonly excused: number;
  /** The same envelope again on a later connection: allowed, at-least-once. */
  readonly repeat: number;
  /** Unknown to its sender, and it arrived. */
  readonly recovered: number;
}

export interface Verdict {
  /** `unknown`: too little happened to prove anything, which is not a pass. */
  readonly result: 'pass' | 'fail' | 'unknown';
  readonly counts: Counts;
  /** A few of the envelopes of each fault, in words. */
  readonly examples: readonly string[];
  /** Accepted and never received, those that were excused included. */
  readonly missing: readonly SentEnvelope[];
}

export interface CheckOptions {
  /** Fewer accepted envelopes than this prove nothing. */
  readonly acceptedMin: number;
  /** Whether the durability that was chosen allows the store to lose this one. Default: none. */
  readonly mayLose?: (envelope: SentEnvelope) => boolean;
  /** The store may have forgotten that it had stored something: storing it again is then no fault. */
  readonly historyMayBeUndone?: boolean;
}

const EXAMPLES_MAX = 5;

/**
 * Decides from what clients saw alone whether the relay kept its promise: at least once, per sender and recipient
 * in the order of acceptance, same bytes, to the right user.
 *
 * Order is judged by what is certain: A comes before B if the last attempt that may have stored A was sent before
 * the first that may have stored B.
 */
export function check(history: History, options: CheckOptions): Verdict {
  const findings = new Findings();
  const sent = indexSent(history.sent);
  const firsts = readArrivals(history, sent, findings);
  if (options.historyMayBeUndone === true) findings.forgive('doubled');
  const missing = findMissing({ history, firsts, findings, mayLose: options.mayLose ?? (() => false) });
  findPassedOver({ history, firsts, missing, findings });

  const outcomes = { accepted: 0, refused: 0, unknown: 0 };
  let recovered = 0;
  for (const envelope of history.sent) {
    outcomes[envelope.outcome] += 1;
    if (envelope.outcome === 'unknown' && firsts.has(envelope)) recovered += 1;
  }
  const counts: Counts = {
    sent: history.sent.length,
    ...outcomes,
    ...findings.counts,
    excused: missing.filter(({ excused }) => excused).length,
    repeat: findings.repeats,
    recovered,
  };
  const clean = FAULT_NAMES.every((name) => counts[name] === 0);
  const enough = counts.accepted >= options.acceptedMin;
  return {
    result: clean ? (enough ? 'pass' : 'unknown') : 'fail',
    counts,
    examples: findings.examples,
    missing: missing.map(({ envelope }) => envelope),
  };
}

class Findings {
  forgive(fault: FaultName): void {
    this.counts[fault] = 0;
    this.examples = this.examples.filter((example) => !example.startsWith(`${fault}:`));
  }

  readonly counts = Object.fromEntries(FAULT_NAMES.map((name) => [name, 0])) as Record<FaultName, number>;
  examples: string[] = [];
  repeats = 0;

  add(fault: FaultName, what: string): void {
    this.counts[fault] += 1;
    if (this.counts[fault] <= EXAMPLES_MAX) this.examples.push(`${fault}: ${what}`);
  }
}

/** The first arrival of an envelope, and its place among all arrivals. */
interface First {
  readonly arrival: Arrival;
  readonly place: number;
}

function indexSent(sent: readonly SentEnvelope[]): Map<string, SentEnvelope> {
  const index = new Map<string, SentEnvelope>();
  for (const envelope of sent) {
    const key = keyOf(envelope);
    if (index.has(key)) throw new Error(`a history that names ${key} twice proves nothing`);
    index.set(key, envelope);
  }
  return index;
}

function keyOf(named: {
  readonly sender: string;
  readonly recipient: string;
  readonly number: number;
}): string {
  return `${named.sender}>${named.recipient}#${named.number}`;
}

/** What can be said of each arrival by itself and within its connection; and the first arrival of each envelope. */
function readArrivals(
  history: History,
  sent: ReadonlyMap<string, SentEnvelope>,
  findings: Findings,
): Map<SentEnvelope, First> {
  const firsts = new Map<SentEnvelope, First>();
  /** On one connection, from one sender: what has come, and the newest first attempt among it. */
  const streams = new Map<string, { readonly come: Set<number>; newest: number }>();
  for (const [place, arrival] of history.arrivals.entries()) {
    const envelope = sent.get(keyOf(arrival));
    const where = `${keyOf(arrival)} on connection ${arrival.connection}`;
    if (envelope === undefined || envelope.firstPosition < 0) {
      findings.add('phantom', where);
      continue;
    }
    if (arrival.digest !== envelope.digest) findings.add('altered', where);
    if (arrival.receiver !== envelope.recipient) {
      findings.add('misdelivered', `${where} reached ${arrival.receiver}`);
      continue;
    }
    const streamKey = `${arrival.connection} ${envelope.sender}`;
    let stream = streams.get(streamKey);
    if (stream === undefined) {
      stream = { come: new Set(), newest: -1 };
      streams.set(streamKey, stream);
    }
    const first = firsts.get(envelope);
    if (stream.come.has(envelope.number)) {
      findings.add('duplicate', where);
    } else {
      if (envelope.lastPosition < stream.newest) findings.add('inverted', `${where} came after a later one`);
      stream.newest = Math.max(stream.newest, envelope.firstPosition);
      stream.come.add(envelope.number);
      if (first !== undefined) findings.repeats += 1;
    }
    if (first === undefined) firsts.set(envelope, { arrival, place });
    else if (first.arrival.seq !== null && arrival.seq !== null && first.arrival.seq !== arrival.seq) {
      findings.add('doubled', `${where} is stored as ${first.arrival.seq} and as ${arrival.seq}`);
    }
  }
  return firsts;
}

interface Missing {
  readonly envelope: SentEnvelope;
  readonly excused: boolean;
}

/** Accepted and never received; a hole in the middle is another bug than a slow reader. */
function findMissing(parts: {
  readonly history: History;
  readonly firsts: ReadonlyMap<SentEnvelope, First>;
  readonly findings: Findings;
  readonly mayLose: (envelope: SentEnvelope) => boolean;
}): Missing[] {
  const { history, firsts, findings, mayLose } = parts;
  const missing: Missing[] = [];
  for (const pair of byPair(history.sent)) {
    const arrived = pair.filter((envelope) => firsts.has(envelope)).map(({ firstPosition }) => firstPosition);
    const oldest = arrived.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const newest = arrived.reduce((a, b) => Math.max(a, b), -1);
    for (const envelope of pair) {
      if (envelope.outcome !== 'accepted' || firsts.has(envelope)) continue;
      const excused = mayLose(envelope);
      missing.push({ envelope, excused });
      if (excused) continue;
      const { lastPosition } = envelope;
      const part = lastPosition > newest ? 'lostTail' : lastPosition < oldest ? 'lostPrefix' : 'lostMiddle';
      findings.add(
        part,
        `${keyOf(envelope)}, sent at ${seconds(envelope.sentAtMs)}, accepted at ${seconds(envelope.settledAtMs)}`,
      );
    }
  }
  return missing;
}

function seconds(ms: number | null): string {
  return `${((ms ?? 0) / 1_000).toFixed(3)} s`;
}

/**
 * A was sent before B and had not arrived when B did. If A came behind B on the same connection it is inverted; if it
 * came on a later connection, or never while B came on a new one, the cursor of a session has skipped it.
 */
function findPassedOver(parts: {
  readonly history: History;
  readonly firsts: ReadonlyMap<SentEnvelope, First>;
  readonly missing: readonly Missing[];
  readonly findings: Findings;
}): void {
  const { history, firsts, missing, findings } = parts;
  const lost = new Set(missing.filter(({ excused }) => !excused).map(({ envelope }) => envelope));
  const firstConnections = new Map<string, number>();
  for (const { user, connection } of history.connections) {
    firstConnections.set(user, Math.min(connection, firstConnections.get(user) ?? connection));
  }
  for (const pair of byPair(history.sent)) {
    const arrived = pair
      .flatMap((envelope) => {
        const first = firsts.get(envelope);
        return first === undefined ? [] : [{ position: envelope.firstPosition, first }];
      })
      .sort((a, b) => a.position - b.position);
    /** Of those sent as the i-th or later: the one that arrived first. */
    const earliest: First[] = [];
    for (let i = arrived.length - 1; i >= 0; i -= 1) {
      const first = at(arrived, i).first;
      const behind = earliest[i + 1];
      earliest[i] = behind !== undefined && behind.place < first.place ? behind : first;
    }
    for (const envelope of pair) {
      const own = firsts.get(envelope);
      if (own === undefined && !lost.has(envelope)) continue;
      const later = earliest[firstIndexBehind(arrived, envelope.lastPosition)];
      if (later === undefined || (own !== undefined && own.place < later.place)) continue;
      const { connection } = later.arrival;
      const skipped =
        own === undefined
          ? connection !== firstConnections.get(envelope.recipient)
          : connection !== own.arrival.connection;
      if (skipped) {
        findings.add('skipped', `${keyOf(envelope)}: a later one came on connection ${connection}`);
      }
    }
  }
}

function byPair(sent: readonly SentEnvelope[]): Iterable<SentEnvelope[]> {
  const pairs = new Map<string, SentEnvelope[]>();
  for (const envelope of sent) {
    const key = `${envelope.sender}>${envelope.recipient}`;
    const pair = pairs.get(key);
    if (pair === undefined) pairs.set(key, [envelope]);
    else pair.push(envelope);
  }
  return pairs.values();
}

/** Binary search in positions that grow. */
function firstIndexBehind(sorted: readonly { readonly position: number }[], position: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(sorted, middle).position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
