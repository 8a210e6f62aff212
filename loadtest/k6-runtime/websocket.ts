import type { Socket } from 'node:net';
import WebSocket from 'ws';
import type { Registry, Tags } from './metrics.ts';
import type { Vu } from './vu.ts';

type EventName = 'open' | 'close' | 'error' | 'message' | 'ping' | 'pong';
type Listener = (event: Readonly<Record<string, unknown>>) => void;

interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
}

const SUBPROTOCOL = 'sec-websocket-protocol';

/** `WebSocket` of k6/websockets for one VU: https://grafana.com/docs/k6/latest/javascript-api/k6-websockets/. */
export function webSocketOf(vu: Vu, metrics: Registry) {
  return class K6WebSocket {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    readonly url: string;
    binaryType = 'blob';
    onopen: Listener | null = null;
    onmessage: Listener | null = null;
    onclose: Listener | null = null;
    onerror: Listener | null = null;
    onping: Listener | null = null;
    onpong: Listener | null = null;
    readonly #socket: WebSocket;
    readonly #listeners = new Map<EventName, Listener[]>();

    /** As k6 does, it takes no notice of `protocols`: a subprotocol is asked for by its header. */
    constructor(url: string, _protocols?: unknown, params?: Params | null) {
      this.url = url;
      const { tags = {} } = params ?? {};
      const headers = Object.entries(params?.headers ?? {});
      const isProtocol = ([name]: readonly [string, string]) => name.toLowerCase() === SUBPROTOCOL;
      const socket = new WebSocket(
        url,
        headers.filter(isProtocol).map(([, value]) => value),
        {
          headers: Object.fromEntries(headers.filter((header) => !isProtocol(header))),
          perMessageDeflate: false,
        },
      );
      this.#socket = socket;
      const { call, release } = vu.hold(() => socket.terminate());
      const emit = (type: EventName, event: Readonly<Record<string, unknown>> = {}) =>
        call(() => {
          const own = this[`on${type}`];
          for (const listener of [...(own === null ? [] : [own]), ...(this.#listeners.get(type) ?? [])])
            listener({ type, timestamp: Date.now(), ...event });
        });
      const dialledMs = performance.now();
      let [openedMs, tcp]: [number | null, Socket | null] = [null, null];
      socket.on('upgrade', (response) => {
        tcp = response.socket;
      });
      socket.on('open', () => {
        openedMs = performance.now();
        metrics.add('ws_sessions', 1, tags);
        metrics.add('ws_connecting', openedMs - dialledMs, tags);
        emit('open');
      });
      socket.on('message', (data: Buffer, isBinary) => {
        metrics.add('ws_msgs_received', 1, tags);
        emit('message', { data: isBinary ? new Uint8Array(data).buffer : data.toString() });
      });
      socket.on('ping', () => emit('ping'));
      socket.on('pong', () => emit('pong'));
      socket.on('error', (error) => emit('error', { error: error.message }));
      socket.on('close', (code, reason) => {
        if (openedMs !== null) metrics.add('ws_session_duration', performance.now() - openedMs, tags);
        metrics.add('data_sent', tcp?.bytesWritten ?? 0, tags);
        metrics.add('data_received', tcp?.bytesRead ?? 0, tags);
        emit('close', { code, reason: reason.toString() });
        release();
      });
    }

    get readyState(): number {
      return this.#socket.readyState;
    }

    get bufferedAmount(): number {
      return this.#socket.bufferedAmount;
    }

    addEventListener(event: EventName, listener: Listener): void {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    }

    send(data: string | ArrayBuffer | ArrayBufferView): void {
      if (this.#socket.readyState !== WebSocket.OPEN) throw new Error('InvalidStateError: not open');
      metrics.add('ws_msgs_sent', 1);
      this.#socket.send(data);
    }

    ping(): void {
      this.#socket.ping();
    }

    close(code = 1000, reason = ''): void {
      this.#socket.close(code, reason);
    }
  };
}
