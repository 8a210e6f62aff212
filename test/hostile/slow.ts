import { OPCODE, openRawWebSocket, RawConnection } from '../support/plain/raw-connection.ts';
import { until } from '../support/until.ts';

/** So that ports last, and no limit per address is what ends them. */
const ADDRESSES = 32;
const OPENED_AT_ONCE = 100;
const DRIP_MS = 1_000;
/** How long a slow reader reads nothing. */
const UNREAD_MS = 15_000;

const from = (n: number) => `127.0.1.${1 + (n % ADDRESSES)}`;

/** One kind of client that takes its time. */
export type Slowness = 'silent socket' | 'slow headers' | 'slow body' | 'slow read';

const START: Readonly<Record<Exclude<Slowness, 'silent socket'>, string>> = {
  'slow headers': 'GET /ws HTTP/1.1\r\nHost: a\r\nX-Slow: ',
  'slow body': 'POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n{',
  // Megabytes of answers, of which none is read.
  'slow read': 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_000),
};

async function openOne(port: number, kind: Slowness, n: number): Promise<RawConnection> {
  if (kind === 'silent socket') return openRawWebSocket(port, [], from(n));
  const connection = await RawConnection.open(port, from(n));
  if (kind === 'slow read') connection.socket.pause();
  connection.write(START[kind]);
  return connection;
}

/**
 * Opens `count` of them, keeps them as slow as they are, and resolves once the relay has ended the last: with the
 * longest that one of them lasted, in seconds. Rejects if they outlast `patienceS`.
 */
export async function outlast(
  port: number,
  { kind, count, patienceS }: { kind: Slowness; count: number; patienceS: number },
): Promise<{ readonly longestS: number; readonly closes: ReadonlyMap<number, number> }> {
  const open = new Map<RawConnection, number>();
  const closes = new Map<number, number>();
  let longestMs = 0;
  const look = () => {
    for (const [connection, openedMs] of open) {
      // A connection that is not read does not see the end either.
      if (kind === 'slow read' && performance.now() - openedMs > UNREAD_MS) connection.discard();
      if (!connection.ended) continue;
      open.delete(connection);
      longestMs = Math.max(longestMs, performance.now() - openedMs);
      const close = connection.takeFrame();
      if (kind === 'silent socket' && close?.opcode === OPCODE.close) {
        const code = close.payload.readUInt16BE(0);
        closes.set(code, (closes.get(code) ?? 0) + 1);
      }
      connection.destroy();
    }
  };
  for (let n = 0; n < count; n += OPENED_AT_ONCE) {
    const length = Math.min(OPENED_AT_ONCE, count - n);
    const batch = await Promise.all(Array.from({ length }, (_, i) => openOne(port, kind, n + i)));
    for (const connection of batch) open.set(connection, performance.now());
    look();
  }
  const drip = setInterval(() => {
    if (kind === 'slow headers' || kind === 'slow body')
      for (const connection of open.keys()) connection.write('x');
  }, DRIP_MS);
  try {
    await until(
      () => {
        look();
        return open.size === 0;
      },
      { what: `the end of ${open.size} × ${kind}`, timeoutMs: patienceS * 1_000 },
    );
  } finally {
    clearInterval(drip);
    for (const connection of open.keys()) connection.destroy();
  }
  return { longestS: longestMs / 1_000, closes };
}
