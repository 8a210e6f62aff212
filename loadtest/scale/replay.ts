import { envelopeFrame } from '../../test/support/plain/frames.ts';
import type { PlainClient } from '../../test/support/plain/plain-client.ts';
import type { PlainUser } from '../../test/support/plain/users.ts';
import { ackFor, isFromServer } from '../support/frames.ts';
import { login, register } from '../support/users.ts';

/** Envelopes on their way at once while the mailbox is filled. */
const OUTSTANDING = 500;
/** Protocol 2 asks for a confirmation after 64 envelopes at the latest. */
const ACK_EVERY = 64;

export interface Replay {
  readonly protocol: 1 | 2;
  readonly envelopes: number;
  readonly seconds: number;
  readonly perSecond: number;
}

/** Fills one mailbox, then logs its owner in: how fast does what waited arrive? */
export async function replay(plan: {
  readonly urls: readonly string[];
  readonly protocol: 1 | 2;
  readonly envelopes: number;
}): Promise<Replay> {
  const { urls, protocol, envelopes } = plan;
  const [from = '', to = from] = urls;
  const [sender, recipient] = [await register(from), await register(to)];
  await fill({ sender, recipient, url: from, envelopes });

  let received = 0;
  let whole = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    whole = resolve;
  });
  const startMs = performance.now();
  const onFrame = (frame: Buffer, on: PlainClient) => {
    if (isFromServer(frame)) return;
    received += 1;
    if (protocol === 2 && received % ACK_EVERY === 0) on.send(ackFor(frame));
    if (received === envelopes) whole();
  };
  const client = await login(to, recipient, { protocol, onFrame });
  await all;
  const seconds = (performance.now() - startMs) / 1000;
  client.ws.close();
  return { protocol, envelopes, seconds, perSecond: Math.round(envelopes / seconds) };
}

async function fill(plan: {
  readonly sender: PlainUser;
  readonly recipient: PlainUser;
  readonly url: string;
  readonly envelopes: number;
}): Promise<void> {
  const { sender, recipient, url, envelopes } = plan;
  let stored = 0;
  let sent = 0;
  await new Promise<void>((resolve, reject) => {
    const send = (client: PlainClient) => {
      for (; sent < envelopes && sent - stored < OUTSTANDING; sent += 1) {
        const envelope = { recipient: recipient.code, id: `${sent}`, payload: 'A'.repeat(300) };
        client.send(envelopeFrame(sender, envelope));
      }
    };
    const onFrame = (frame: Buffer, client: PlainClient) => {
      if (frame.includes('"type":"connect_ack"')) return;
      if (!frame.includes('"type":"accepted"')) reject(new Error(frame.toString()));
      stored += 1;
      send(client);
      if (stored < envelopes) return;
      client.ws.close();
      resolve();
    };
    login(url, sender, { onFrame }).then(send, reject);
  });
}
