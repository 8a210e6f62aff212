import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a push service got for one device, decrypted as the browser would. */
export interface Pushed {
  readonly device: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The claims of the JWT, whose signature has verified. */
  readonly claims: { readonly aud: string; readonly exp: number; readonly sub: string };
  /** The key that the JWT is signed with, as `applicationServerKey`. */
  readonly vapid: string;
}

interface Device {
  readonly ecdh: ReturnType<typeof createECDH>;
  readonly auth: Buffer;
}

const KEY_BYTES = 65;
const SALT_BYTES = 16;
const TAG_BYTES = 16;

/** A push service (RFC 8030) and the browsers behind it: verifies VAPID (RFC 8292), decrypts (RFC 8291, RFC 8188). */
export class PushService {
  readonly received: Pushed[] = [];
  readonly errors: string[] = [];
  /** The status that a device's endpoint answers with. */
  answer: (device: string) => number = () => 201;
  readonly #devices = new Map<string, Device>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const device = request.url?.slice('/to/'.length) ?? '';
      try {
        this.received.push(this.#read(device, request.headers, Buffer.concat(chunks)));
      } catch (error) {
        this.errors.push(String(error));
      }
      response.writeHead(this.answer(device)).end();
    });
  });

  static async start(): Promise<PushService> {
    const service = new PushService();
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As `pushManager.subscribe` gives it to a page. */
  subscribe(): { readonly device: string; readonly endpoint: string; p256dh: string; auth: string } {
    const device = randomBytes(8).toString('hex');
    const ecdh = createECDH('prime256v1');
    const p256dh = ecdh.generateKeys('base64url');
    const auth = randomBytes(16);
    this.#devices.set(device, { ecdh, auth });
    const endpoint = `http://${this.host}/to/${device}`;
    return { device, endpoint, p256dh, auth: auth.toString('base64url') };
  }

  of(device: string): Pushed[] {
    return this.received.filter((pushed) => pushed.device === device);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #read(name: string, headers: IncomingHttpHeaders, body: Buffer): Pushed {
    const device = this.#devices.get(name);
    if (device === undefined) throw new Error(`no device subscribed as ${name}`);
    if (headers['content-encoding'] !== 'aes128gcm') throw new Error('not aes128gcm');
    return { device: name, headers, text: decrypt(device, body), ...this.#vapid(headers) };
  }

  /** RFC 8292, 3: `Authorization: vapid t=<JWT>, k=<key>`. */
  #vapid({ authorization = '' }: IncomingHttpHeaders): Pick<Pushed, 'claims' | 'vapid'> {
    const [, jwt = '', key = ''] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? [];
    const [head = '', claims = '', signature = ''] = jwt.split('.');
    const point = Buffer.from(key, 'base64url');
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
    const jwk = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' };
    const options = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
    const verified = verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      options,
      Buffer.from(signature, 'base64url'),
    );
    if (!verified) throw new Error('the JWT is not signed by its key');
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Pushed['claims'];
    const leftS = read.exp - Date.now() / 1000;
    if (read.aud !== `http://${this.host}` || leftS < 0 || leftS > 86_400)
      throw new Error(`wrong claims: ${claims}`);
    return { claims: read, vapid: key };
  }
}

/** RFC 8291, 3.4, and RFC 8188, 2: one record. */
function decrypt({ ecdh, auth }: Device, body: Buffer): string {
  const salt = body.subarray(0, SALT_BYTES);
  const idBytes = body[SALT_BYTES + 4];
  if (idBytes !== KEY_BYTES) throw new Error(`a key id of ${idBytes} bytes`);
  const header = SALT_BYTES + 5 + KEY_BYTES;
  const sender = body.subarray(SALT_BYTES + 5, header);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), sender]);
  const derive = (key: Buffer, from: Buffer, text: string | Buffer, bytes: number) =>
    Buffer.from(hkdfSync('sha256', key, from, text, bytes));
  const secret = derive(ecdh.computeSecret(sender), auth, info, 32);
  const key = derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16);
  const nonce = derive(secret, salt, 'Content-Encoding: nonce\0', 12);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  const padded = Buffer.concat([decipher.update(body.subarray(header, -TAG_BYTES)), decipher.final()]);
  const end = padded.lastIndexOf(2);
  if (end === -1) throw new Error('no delimiter of the last record');
  return padded.subarray(0, end).toString('utf8');
}
