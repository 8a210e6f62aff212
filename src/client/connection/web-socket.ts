import { ClientError } from '../errors.ts';

/** The part of a WebSocket that the SDK uses: browsers, Node 22 and the package `ws` all have it. */
export interface SocketLike {
  readonly protocol: string;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** The one passed in, or else the runtime's. */
export function socketConstructor(given: unknown): SocketConstructor {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof found === 'function') return found as SocketConstructor;
  throw new ClientError(
    'no_web_socket',
    "This runtime has no WebSocket (Node has one from version 22): pass `WebSocket` of the package 'ws'.",
  );
}

/** Drops a socket that may be dead: its events may come minutes later, or never. */
export function abandon(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // `ws` reports closing a connecting socket as an error, and throws it if there is no listener.
  socket.onerror = () => {};
  try {
    socket.close();
  } catch {
    // Some runtimes refuse to close a connecting socket: it is dropped all the same.
  }
}
