import { clearTimeout, setTimeout, type TimeoutID } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { signAsync } from './ed25519.js';
import { PROTOCOL } from './env.ts';
import { connectText, frame, type SignedUser } from './frames.ts';
import { loginTime, reconnects } from './metrics.ts';

const BACK_OFF_MS = [200, 400, 800, 1_600, 3_000];
/** Protocol 2: acknowledged after so many, or after a second. */
const ACK_EVERY = 32;
const ACK_AFTER_MS = 1_000;
/** `WebSocket.OPEN`, which older releases of k6 do not have. */
const OPEN = 1;
const SERVER_WORD = '{"data":{"sender":"server"';

export interface Connection {
  readonly ready: () => boolean;
  readonly send: (text: string) => void;
  /** Ends the connection; the client is back at once. k6 can do that only with a close frame. */
  readonly cut: () => void;
  readonly close: () => void;
}

export interface Handlers {
  readonly onReady: () => void;
  /** An envelope of a peer, as its sender signed it. */
  readonly onEnvelope?: (text: string) => void;
  /** What the relay says on its own. */
  readonly onWord?: (type: string, payload: Readonly<Record<string, unknown>>) => void;
}

/** One user's connection: logs in by either protocol, confirms what comes, and comes back until it is closed. */
export function connect(url: string, user: SignedUser, handlers: Handlers): Connection {
  let socket: WebSocket | null = null;
  let ready = false;
  let wanted = true;
  let failures = 0;
  let retry: TimeoutID | null = null;
  let ackTimer: TimeoutID | null = null;
  let unacked = 0;
  let lastSeq = '';

  const isReady = () => ready && socket?.readyState === OPEN;

  const acknowledge = () => {
    if (ackTimer !== null) clearTimeout(ackTimer);
    ackTimer = null;
    if (unacked > 0 && isReady()) socket?.send(`{"ack":"${lastSeq}"}`);
    unacked = 0;
  };

  const logIn = (ws: WebSocket, challenge: string) => {
    const data = connectText(user.code, challenge);
    void signAsync(bytesOf(data), bytesOfHex(user.privateKey)).then((signature) => {
      if (ws.readyState === OPEN) ws.send(frame(data, hexOf(signature)));
    });
  };

  const dial = () => {
    retry = null;
    const dialledMs = Date.now();
    // k6 takes no notice of its `protocols` argument.
    const headers: Record<string, string> = PROTOCOL === 2 ? { 'Sec-WebSocket-Protocol': 'relay.v2' } : {};
    const ws = new WebSocket(url, null, { headers });
    socket = ws;
    ws.onopen = () => {
      if (PROTOCOL === 1) ws.send(frame(connectText(user.code, null), user.connect));
    };
    ws.onmessage = (event) => {
      const text = String(event?.data);
      if (!text.startsWith(SERVER_WORD)) {
        handlers.onEnvelope?.(PROTOCOL === 2 ? withoutSeq(text) : text);
        return;
      }
      const { type, payload = {} } = JSON.parse(text).data.message;
      if (type === 'challenge') logIn(ws, JSON.stringify(payload));
      else if (type === 'connect_ack') {
        loginTime.add(Date.now() - dialledMs);
        ready = true;
        failures = 0;
        handlers.onReady();
      } else handlers.onWord?.(type, payload);
    };
    // What it was about comes with `close`.
    ws.onerror = () => undefined;
    ws.onclose = () => {
      ready = false;
      unacked = 0;
      if (!wanted) return;
      reconnects.add(1);
      const backOffMs = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)] ?? 0;
      retry = setTimeout(dial, failures === 0 ? 0 : backOffMs * Math.random());
      failures += 1;
    };
  };

  const withoutSeq = (text: string): string => {
    const at = text.lastIndexOf(',"seq":"');
    lastSeq = text.slice(at + 8, text.indexOf('"', at + 8));
    unacked += 1;
    if (unacked >= ACK_EVERY) acknowledge();
    else ackTimer ??= setTimeout(acknowledge, ACK_AFTER_MS);
    return `${text.slice(0, at)}}`;
  };

  dial();
  return {
    ready: isReady,
    send: (text) => socket?.send(text),
    cut: () => {
      ready = false;
      socket?.close();
    },
    close: () => {
      wanted = false;
      acknowledge();
      if (retry !== null) clearTimeout(retry);
      socket?.close();
    },
  };
}

/** Frames are ASCII, and k6 has no TextEncoder. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
