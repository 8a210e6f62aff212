import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { until } from '../until.ts';
import { type Asked, type CheckedAnswer, readAnswer } from './http-answer.ts';

/** One WebSocket frame from the relay (RFC 6455, 5.2). */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** One TCP connection, written to byte by byte: what no well-behaved library would send. */
export class RawConnection {
  readonly socket: Socket;
  /** Everything that came and was not taken yet. */
  #received: Buffer = Buffer.alloc(0);
  /** The relay has ended the connection, in whatever way. */
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
    });
  }

  static async open(port: number, localAddress = '127.0.0.1'): Promise<RawConnection> {
    const socket = createConnection({ port, host: '127.0.0.1', localAddress });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Latin-1: one character is one byte. */
  write(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed)
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Reads on from here and keeps nothing, but for the end. */
  discard(): void {
    this.socket.removeAllListeners('data').resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Takes the next whole answer out of what came; null if there is none yet. */
  takeAnswer(asked: Asked = { method: 'GET' }): CheckedAnswer | null {
    const read = readAnswer(this.#received, { ...asked, ended: this.ended });
    if (read !== null) this.#received = read.rest;
    return read?.answer ?? null;
  }

  /** Takes the next whole frame; null if there is none yet. A server's frames are never masked. */
  takeFrame(): RawFrame | null {
    const bytes = this.#received;
    if (bytes.length < 2) return null;
    const short = bytes.readUInt8(1) & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return null;
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return null;
    this.#received = bytes.subarray(start + length);
    return { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(start, start + length) };
  }

  async answer(asked: Asked = { method: 'GET' }, timeoutMs = 20_000): Promise<CheckedAnswer> {
    let answer: CheckedAnswer | null = null;
    await until(
      () => {
        answer = this.takeAnswer(asked);
        return answer !== null;
      },
      {
        what: `an HTTP answer (came: ${JSON.stringify(this.#received.toString('latin1', 0, 200))})`,
        timeoutMs,
      },
    );
    if (answer === null) throw new Error('no answer');
    return answer;
  }

  async frame(timeoutMs = 20_000): Promise<RawFrame> {
    let frame: RawFrame | null = null;
    await until(
      () => {
        frame = this.takeFrame();
        return frame !== null;
      },
      { what: 'a WebSocket frame', timeoutMs },
    );
    if (frame === null) throw new Error('no frame');
    return frame;
  }

  async untilEnded(timeoutMs = 20_000): Promise<void> {
    await until(() => this.ended, { what: 'the relay to end the connection', timeoutMs });
  }
}

export const UPGRADE_HEADERS = [
  'Host: relay.test',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
] as const;

export function upgradeRequest(more: readonly string[] = []): string {
  const key = randomBytes(16).toString('base64');
  const headers = [...UPGRADE_HEADERS, `Sec-WebSocket-Key: ${key}`, ...more];
  return `GET /ws HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}

/** An open WebSocket whose frames are written by hand. */
export async function openRawWebSocket(
  port: number,
  more: readonly string[] = [],
  localAddress = '127.0.0.1',
): Promise<RawConnection> {
  const connection = await RawConnection.open(port, localAddress);
  connection.write(upgradeRequest(more));
  const { status } = await connection.answer();
  if (status !== 101) throw new Error(`the upgrade was answered ${status}`);
  return connection;
}

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  readonly fin?: boolean;
  /** The three reserved bits: 4 is RSV1. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** What the header claims; default: the truth. */
  readonly claimedLength?: bigint;
  /** How the length is written: as 7, 16 or 64 bits; default: the shortest. */
  readonly lengthBits?: 7 | 16 | 64;
}

/** One frame, right or wrong. Strings are UTF-8. */
export function rawFrame(parts: FrameParts): Buffer {
  const { opcode, payload = '', fin = true, reserved = 0, masked = true } = parts;
  const bytes = Buffer.from(payload);
  const length = parts.claimedLength ?? BigInt(bytes.length);
  const bits = parts.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  const header = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  header.writeUInt8(first, 0);
  header.writeUInt8(maskBit | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127), 1);
  if (bits === 16) header.writeUInt16BE(Number(length), 2);
  if (bits === 64) header.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([header, bytes]);
  const mask = randomBytes(4);
  const covered = Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return Buffer.concat([header, mask, covered]);
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A close frame's payload (RFC 6455, 5.5.1). */
export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code, 0);
  return Buffer.concat([payload, Buffer.from(reason)]);
}
