import exec from 'k6/execution';
import { setTimeout } from 'k6/timers';
import { type Connection, connect } from './connection.ts';
import { PER_PAIR, RELAY_URLS, SETTLE_S, TIME } from './env.ts';
import type { SignedPair } from './frames.ts';
import {
  altered,
  due,
  latency,
  lateness,
  lost,
  outOfOrder,
  received,
  refused,
  repeated,
  unknown,
} from './metrics.ts';
import { type Frame, framesOf } from './pairs.ts';

/** Logins have a metric of their own. Those that take longer than this are a part of the latency, too. */
const LOGIN_MS_MAX = 1_000;
const POLL_MS = 50;
const LOGIN_POLL_MS = 5;

interface Underway {
  readonly dueMs: number;
  readonly position: number;
  readonly text: string;
  accepted: boolean;
}

export interface SessionOptions {
  /** Before `TIME` is applied. */
  readonly seconds: number;
  readonly perSecond?: number;
  /** Tags of the latency of an envelope that was due at this time, ms since the scenario began. */
  readonly tagsAt?: (sinceStartMs: number) => { readonly [name: string]: string };
  /** False: the reader stays away until `reader.arrive()`. */
  readonly readerPresent?: boolean;
}

export interface Session {
  /** Both connections end without warning, and come back at once. */
  readonly cut: () => void;
  /** A reader who was away logs in. */
  readonly arrive: () => void;
  /** Both are logged in. */
  readonly ready: () => boolean;
  /** When the oldest envelope that is on its way was due, ms; Infinity if none is. */
  readonly oldestUnderwayMs: () => number;
}

let mine: { readonly pair: SignedPair; readonly next: () => Frame } | null = null;

/** This VU's pair of users: VUs are numbered from 1, and no two have the same. */
function myPair(pairs: readonly SignedPair[]) {
  if (mine === null) {
    const pair = pairs[exec.vu.idInTest - 1];
    if (pair === undefined) throw new Error(`there is no pair of users for VU ${exec.vu.idInTest}`);
    mine = { pair, next: framesOf(pair) };
  }
  return mine;
}

/**
 * An iteration: this VU's two users log in, one writes to the other, open loop, and both leave when everything has
 * arrived. As a good client does, the writer sends again, with the same id, what was not accepted on a connection.
 */
export function session(pairs: readonly SignedPair[], options: SessionOptions): Session {
  const { pair, next } = myPair(pairs);
  const index = exec.vu.idInTest - 1;
  const { seconds, perSecond = PER_PAIR, tagsAt = () => ({}), readerPresent = true } = options;
  const scenarioStartMs = exec.scenario.startTime;
  const dialledMs = Date.now();
  const intervalMs = 1_000 / perSecond;
  const underway = new Map<string, Underway>();
  const unsent: string[] = [];
  let dueMs = 0;
  let endMs = 0;
  let positions = 0;
  let highest = 0;

  const flush = () => {
    while (writer.ready() && unsent.length > 0) {
      const envelope = underway.get(unsent.shift() ?? '');
      if (envelope === undefined) continue;
      lateness.add(Math.max(0, Date.now() - envelope.dueMs));
      writer.send(envelope.text);
    }
  };
  const arrived = (text: string) => {
    const at = text.indexOf('"id":"') + 6;
    const id = text.slice(at, text.indexOf('"', at));
    const envelope = underway.get(id);
    if (envelope === undefined) {
      repeated.add(1);
      return;
    }
    underway.delete(id);
    if (text !== envelope.text) altered.add(1);
    if (envelope.position < highest) outOfOrder.add(1);
    highest = Math.max(highest, envelope.position);
    received.add(1);
    refused.add(0);
    latency.add(Date.now() - envelope.dueMs, tagsAt(envelope.dueMs - scenarioStartMs));
  };
  const answered = (type: string, payload: Readonly<Record<string, unknown>>) => {
    const id = String(payload.id);
    const envelope = underway.get(id);
    if (envelope === undefined) return;
    if (type === 'accepted') envelope.accepted = true;
    else if (type === 'error') {
      underway.delete(id);
      refused.add(1);
    }
  };
  const url = (place: number) => RELAY_URLS[place % RELAY_URLS.length] ?? '';
  const writer: Connection = connect(url(index), pair.writer, {
    onWord: answered,
    onReady: () => {
      unsent.length = 0;
      for (const [id, { accepted }] of underway) if (!accepted) unsent.push(id);
      flush();
    },
  });
  const arrive = () =>
    connect(url(index + 1), pair.reader, { onEnvelope: arrived, onReady: () => undefined });
  let reader: Connection | null = readerPresent ? arrive() : null;

  const finish = () => {
    let [accepted, others] = [0, 0];
    for (const envelope of underway.values()) {
      if (envelope.accepted) accepted += 1;
      else others += 1;
    }
    lost.add(accepted);
    unknown.add(others);
    // k6 does not evaluate a threshold of a metric without a sample.
    for (const counter of [received, outOfOrder, altered, repeated]) counter.add(0);
    writer.close();
    reader?.close();
  };
  const tick = () => {
    const nowMs = Date.now();
    // A late turn of the event loop sends all that are due.
    for (; dueMs <= nowMs && dueMs < endMs; dueMs += intervalMs) {
      const { id, text } = next();
      positions += 1;
      underway.set(id, { dueMs, position: positions, text, accepted: false });
      unsent.push(id);
      due.add(1);
    }
    flush();
    if (nowMs < endMs) setTimeout(tick, Math.max(1, Math.min(dueMs, endMs) - nowMs));
    else if (underway.size > 0 && nowMs < endMs + SETTLE_S * 1_000) setTimeout(tick, POLL_MS);
    else finish();
  };
  const start = () => {
    const nowMs = Date.now();
    const loggedIn = writer.ready() && (reader?.ready() ?? true);
    if (!loggedIn && nowMs < dialledMs + LOGIN_MS_MAX) {
      setTimeout(start, LOGIN_POLL_MS);
      return;
    }
    // Apart from the other VUs, so that not all of them send at once.
    dueMs = nowMs + intervalMs * ((index * 0.618_034) % 1);
    endMs = nowMs + seconds * TIME * 1_000;
    tick();
  };
  start();
  return {
    cut: () => {
      writer.cut();
      reader?.cut();
    },
    arrive: () => {
      reader ??= arrive();
    },
    ready: () => writer.ready() && (reader?.ready() ?? false),
    oldestUnderwayMs: () => [...underway.values()][0]?.dueMs ?? Number.POSITIVE_INFINITY,
  };
}
