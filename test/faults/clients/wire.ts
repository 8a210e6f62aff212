import { hash } from 'node:crypto';

/** The frames of a plain client: text put together and taken apart by hand, nothing of our own code. */

export interface Written {
  readonly sender: string;
  readonly recipient: string;
  /** Null leaves it out. */
  readonly id: string | null;
  readonly number: number;
  /** Padding, so that envelopes have different sizes. */
  readonly padBytes: number;
}

/** The text that is signed. */
export function dataOf({ sender, recipient, id, number, padBytes }: Written): string {
  const named = id === null ? '' : `"id":"${id}",`;
  const payload = `{"n":${number},"pad":"${'.'.repeat(padBytes)}"}`;
  return `{"sender":"${sender}","recipient":"${recipient}",${named}"message":{"type":"message","payload":${payload}}}`;
}

export interface Read {
  readonly sender: string;
  readonly recipient: string;
  readonly number: number;
  readonly seq: string | null;
  readonly digest: string;
}

const SEQ = /,"seq":"([^"]*)"\}$/;

/** What a delivered frame says. One that cannot be read names nobody, which the checker calls a phantom. */
export function readEnvelope(text: string): Read {
  const seq = SEQ.exec(text);
  const frame = seq === null ? text : `${text.slice(0, seq.index)}}`;
  const digest = digestOf(frame);
  try {
    const { data } = JSON.parse(frame) as {
      data: { sender: string; recipient: string; message: { payload: { n: number } } };
    };
    const { sender, recipient, message } = data;
    return { sender, recipient, number: message.payload.n, seq: seq?.[1] ?? null, digest };
  } catch {
    return { sender: '', recipient: '', number: -1, seq: null, digest };
  }
}

export function digestOf(frame: string): string {
  return hash('sha1', frame, 'base64').slice(0, 16);
}

const SERVER_PREFIX = '{"data":{"sender":"server"';

export interface ServerWord {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What the relay says on its own; null if this is an envelope of a peer. */
export function readServerWord(text: string): ServerWord | null {
  if (!text.startsWith(SERVER_PREFIX)) return null;
  const { data } = JSON.parse(text) as {
    data: { message: { type: string; payload?: Record<string, unknown> } };
  };
  return { type: data.message.type, payload: data.message.payload ?? {} };
}

/** The only reason of a close that machines read. */
export function retryInMs(reason: string): number | null {
  const match = /^retry in (\d+) ms$/.exec(reason);
  return match === null ? null : Number(match[1]);
}
