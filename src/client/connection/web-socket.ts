import { ClientError } from '../errors.ts';

/** What is used of a WebSocket: the browser's own, Node 22's, and that of the package `ws` all have it. */
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

/** Lets go of a socket that may be dead: its own events may come minutes later, or never. */
export function abandon(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // `ws` reports what closing a connecting socket does as an error, and throws it if nobody listens.
  socket.onerror = () => {};
  try {
    socket.close();
  } catch {
    // Still connecting, in some runtimes: the socket is dropped all the same.
  }
}
