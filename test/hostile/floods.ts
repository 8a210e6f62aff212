import { envelopeFrame } from '../support/plain/frames.ts';
import { PlainClient } from '../support/plain/plain-client.ts';
import { OPCODE, openRawWebSocket, RawConnection, rawFrame } from '../support/plain/raw-connection.ts';
import { makeKeys, type PlainUser, registerUser } from '../support/plain/users.ts';

/** Where a flood goes to. */
interface Target {
  readonly http: string;
  readonly ws: string;
  readonly port: number;
}

/** Runs until the signal; resolves with how much it did, in its own unit. */
export type Flood = (target: Target, signal: AbortSignal) => Promise<number>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * How long a refused socket waits before its next attempt, on average: a hundred of them come twice as often as one
 * address may. More would bring no more signatures, but a storm of connects, which is another flood.
 */
const REFUSED_WAIT_MS = 1_000;

/** One socket after the other that sends as fast as its buffer lets it. */
async function keepSending(
  parts: { target: Target; user: PlainUser; signal: AbortSignal },
  frame: () => string,
): Promise<number> {
  let sent = 0;
  while (!parts.signal.aborted) {
    const client = await PlainClient.login(parts.target.ws, parts.user, { keep: false }).catch(() => null);
    if (client === null) await pause(2 * REFUSED_WAIT_MS * Math.random());
    else {
      const { ws } = client;
      while (!parts.signal.aborted && client.closed === null) {
        for (let n = 0; n < 50 && ws.bufferedAmount < 256 * 1024; n += 1, sent += 1) ws.send(frame());
        await pause(1);
      }
      ws.terminate();
    }
  }
  return sent;
}

const several = async (count: number, work: () => Promise<number>): Promise<number> =>
  (await Promise.all(Array.from({ length: count }, work))).reduce((sum, each) => sum + each, 0);

const invalidSignatures =
  (sockets: number): Flood =>
  (target, signal) =>
    several(sockets, async () => {
      const user = await registerUser(target.http);
      const frame = envelopeFrame({ ...makeKeys(), code: user.code }, { recipient: user.code });
      return keepSending({ target, user, signal }, () => frame);
    });

const CONNECTS_PER_S = 5_000;
const CONNECTS_AT_ONCE = 500;

/** Upgrades, or what is answered instead, and cuts the connection: at most so many a second. */
async function connects(target: Target, signal: AbortSignal, address: () => string): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  let begun = 0;
  const one = async () => {
    const raw = await openRawWebSocket(target.port, [], address()).catch(() => null);
    raw?.destroy();
    done += 1;
  };
  while (!signal.aborted) {
    const due = ((performance.now() - startedMs) / 1_000) * CONNECTS_PER_S;
    for (; begun < due && begun - done < CONNECTS_AT_ONCE; begun += 1) void one();
    await pause(5);
  }
  return done;
}

/** What an attacker would do, by name. */
export const FLOODS: Readonly<Record<string, Flood>> = {
  'invalid signatures, 1 socket': invalidSignatures(1),
  'invalid signatures, 20 sockets': invalidSignatures(20),
  'invalid signatures, 100 sockets': invalidSignatures(100),
  'valid envelopes by one user': async (target, signal) => {
    const user = await registerUser(target.http);
    const frame = envelopeFrame(user, { recipient: user.code });
    return keepSending({ target, user, signal }, () => frame);
  },
  'one mailbox filled by 10 users': async (target, signal) => {
    const victim = await registerUser(target.http);
    return several(10, async () => {
      const user = await registerUser(target.http);
      const frame = envelopeFrame(user, { recipient: victim.code });
      return keepSending({ target, user, signal }, () => frame);
    });
  },
  'connects, one address': (target, signal) => connects(target, signal, () => '127.0.0.1'),
  'connects, 5,000/s from 60,000 addresses': (target, signal) => {
    let n = 0;
    return connects(target, signal, () => {
      n = (n + 1) % 60_000;
      return `127.1.${Math.floor(n / 250)}.${1 + (n % 250)}`;
    });
  },
  'pings, 50 sockets': (target, signal) =>
    several(50, async () => {
      let sent = 0;
      const pings = Buffer.concat(Array.from({ length: 100 }, () => rawFrame({ opcode: OPCODE.ping })));
      while (!signal.aborted) {
        const raw = await openRawWebSocket(target.port).catch(() => null);
        while (!signal.aborted && raw !== null && !raw.ended) {
          if (raw.socket.writableLength < 65_536) raw.write(pings);
          sent += 100;
          await pause(5);
        }
        raw?.destroy();
        if (raw === null) await pause(20);
      }
      return sent;
    }),
  'slow lorises, 5,000': async (target, signal) => {
    const slow = new Set<RawConnection>();
    let opened = 0;
    while (!signal.aborted) {
      while (slow.size < 5_000 && !signal.aborted) {
        const batch = Array.from({ length: 100 }, () => RawConnection.open(target.port).catch(() => null));
        for (const connection of await Promise.all(batch)) {
          if (connection === null) continue;
          connection.write('GET /ws HTTP/1.1\r\nHost: a\r\nX-Slow: ');
          slow.add(connection);
          opened += 1;
        }
      }
      for (const connection of slow) {
        if (connection.ended) slow.delete(connection);
        else connection.write('x');
      }
      await pause(1_000);
    }
    for (const connection of slow) connection.destroy();
    return opened;
  },
};
