import { ackFor, User } from '../support/user.ts';

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
  const [sender, recipient] = [await User.register(from), await User.register(to)];
  await fill({ sender, recipient, url: from, envelopes });

  let received = 0;
  let whole = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    whole = resolve;
  });
  const startMs = performance.now();
  const socket = await recipient.login({ url: to, protocol }, (data, on) => {
    if (data.includes('"sender":"server"')) return;
    received += 1;
    if (protocol === 2 && received % ACK_EVERY === 0) on.send(ackFor(data));
    if (received === envelopes) whole();
  });
  await all;
  const seconds = (performance.now() - startMs) / 1000;
  socket.close();
  return { protocol, envelopes, seconds, perSecond: Math.round(envelopes / seconds) };
}

async function fill(plan: {
  readonly sender: User;
  readonly recipient: User;
  readonly url: string;
  readonly envelopes: number;
}): Promise<void> {
  const { sender, recipient, url, envelopes } = plan;
  let stored = 0;
  let sent = 0;
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(why));
    sender
      .login({ url, protocol: 1 }, (data, socket) => {
        if (!data.includes('"type":"accepted"')) fail(data.toString());
        stored += 1;
        send(socket);
        if (stored < envelopes) return;
        socket.close();
        resolve();
      })
      .then((socket) => send(socket), reject);
    const send = (socket: { send(frame: string): void }) => {
      for (; sent < envelopes && sent - stored < OUTSTANDING; sent += 1) {
        const message = { type: 'message', payload: 'A'.repeat(300) };
        socket.send(sender.envelope({ recipient: recipient.code, id: `${sent}`, message }));
      }
    };
  });
}
