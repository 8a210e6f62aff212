import WebSocket from 'ws';

/** Pings that come within so long count as having come together. */
const TOGETHER_MS = 20;

export interface PongOptions {
  /** Of several pings that came together only the newest is answered, as RFC 6455, 5.5.3, allows. */
  readonly newestOnly: boolean;
  /** Whether this ping is answered at all. */
  readonly onPing: () => boolean;
}

/** Answers the pings of a socket that does not do it by itself. */
export function answerPings(ws: WebSocket, { newestOnly, onPing }: PongOptions): void {
  let newest: Buffer | null = null;
  ws.on('ping', (payload) => {
    if (!onPing()) return;
    if (!newestOnly) {
      ws.pong(payload);
      return;
    }
    const first = newest === null;
    newest = payload;
    if (!first) return;
    setTimeout(() => {
      if (newest !== null && ws.readyState === WebSocket.OPEN) ws.pong(newest);
      newest = null;
    }, TOGETHER_MS);
  });
}
