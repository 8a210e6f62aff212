import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPE_A = 1;

/** A DNS server that knows one answer (RFC 1035): every name has these addresses. */
export class DnsServer {
  /** IPv4, in the order of the answer; may be changed at any time. */
  addresses: readonly string[];
  readonly #socket: Socket;

  static async start(addresses: readonly string[]): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket, addresses);
  }

  private constructor(socket: Socket, addresses: readonly string[]) {
    this.addresses = addresses;
    this.#socket = socket;
    socket.on('message', (query, { address, port }) => socket.send(this.#answer(query), port, address));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer {
    const nameEnd = query.indexOf(0, HEADER_BYTES);
    const question = query.subarray(HEADER_BYTES, nameEnd + 5);
    const found = query.readUInt16BE(nameEnd + 1) === TYPE_A ? this.addresses : [];
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    // An answer, recursion available, no error.
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    const records = found.map((address) => {
      const octets = address.split('.').map(Number);
      // The name of the question, class IN, a second to live.
      return Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...octets]);
    });
    return Buffer.concat([header, question, ...records]);
  }
}
