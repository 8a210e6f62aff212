import { hash } from 'node:crypto';
import { cutSeq } from '../../support/plain/frames.ts';

export interface Read {
  readonly sender: string;
  readonly recipient: string;
  readonly number: number;
  readonly seq: string | null;
  readonly digest: string;
}

/** What a delivered frame says. One that cannot be read names no sender, which the checker calls a phantom. */
export function readEnvelope(text: string): Read {
  const { seq, signed } = cutSeq(text);
  const digest = digestOf(signed);
  try {
    const { data } = JSON.parse(signed) as {
      data: { sender: string; recipient: string; message: { payload: { n: number } } };
    };
    const { sender, recipient, message } = data;
    return { sender, recipient, number: message.payload.n, seq, digest };
  } catch {
    return { sender: '', recipient: '', number: -1, seq, digest };
  }
}

export function digestOf(frame: string): string {
  return hash('sha1', frame, 'base64').slice(0, 16);
}
