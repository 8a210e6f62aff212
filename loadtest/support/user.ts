import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import WebSocket from 'ws';
import { connectText, type EnvelopeData, frame, signedText } from '../../src/protocol/frames.ts';

const LOGIN_TIMEOUT_MS = 60_000;
/** Registrations are limited per address: this often one more try is made, after the wait that was asked for. */
const REGISTER_TRIES_MAX = 100;

/** How a load user connects. */
export interface Dial {
  /** `ws://…/ws` or `wss://…/ws`. */
  readonly url: string;
  readonly protocol: 1 | 2;
  /** The address to connect from: each has ports of its own. */
  readonly localAddress?: string;
}

/** A user of the relay, written from docs/protocol.md with plain `ws` and `node:crypto`: what strangers would use. */
export class User {
  readonly code: string;
  /** Ed25519, 64 hex digits. */
  readonly publicKeyHex: string;
  readonly #privateKey: KeyObject;

  /** @param ws URL of the relay's WebSocket; `/users` is beside it */
  static async register(ws: string): Promise<User> {
    const ecdh = generateKeyPairSync('x25519');
    const eddsa = generateKeyPairSync('ed25519');
    const body = JSON.stringify({
      ecdh_public_key: rawHex(ecdh.publicKey),
      eddsa_public_key: rawHex(eddsa.publicKey),
    });
    const users = new URL('users', ws.replace(/^ws/, 'http'));
    for (let tries = 1; ; tries += 1) {
      const response = await fetch(users, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const answer = (await response.json()) as { code?: string; detail?: string };
      if (answer.code !== undefined) return new User(answer.code, eddsa);
      if (response.status !== 429 || tries === REGISTER_TRIES_MAX)
        throw new Error(`POST ${users} said ${response.status}: ${answer.detail}`);
      const waitS = Number(response.headers.get('retry-after') ?? 1);
      onWait(`registrations are limited there (RELAY_REGISTRATIONS_PER_MIN): waiting ${waitS} s`);
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    }
  }

  /** One that no relay of ours knows, for comparison with others. */
  static unregistered(): User {
    return new User(randomBytes(4).toString('hex').slice(0, 7), generateKeyPairSync('ed25519'));
  }

  private constructor(
    code: string,
    eddsa: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  ) {
    this.code = code;
    this.publicKeyHex = rawHex(eddsa.publicKey);
    this.#privateKey = eddsa.privateKey;
  }

  /** Ed25519, 64 hex digits: the last 32 bytes of PKCS #8. */
  get privateKeyHex(): string {
    return this.#privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('hex');
  }

  /** 128 hex digits. */
  sign(data: string): string {
    return sign(null, Buffer.from(data), this.#privateKey).toString('hex');
  }

  /** A whole frame with an envelope from this user. */
  envelope(data: Omit<EnvelopeData, 'sender'>): string {
    return this.#frame(signedText({ sender: this.code, ...data }));
  }

  /**
   * Resolves when `connect_ack` has come.
   * @param onMessage hears everything behind it: what waited may come in the same packet
   */
  login(
    { url, protocol, localAddress }: Dial,
    onMessage: (data: Buffer, socket: WebSocket) => void,
  ): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, protocol === 2 ? ['relay.v2'] : [], {
        perMessageDeflate: false,
        handshakeTimeout: LOGIN_TIMEOUT_MS,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      const early = (code: number) => reject(new Error(`closed with ${code} before connect_ack`));
      socket.once('error', reject);
      socket.once('close', early);
      if (protocol === 1) socket.once('open', () => socket.send(this.#frame(connectText(this.code, null))));
      socket.on('message', function first(this: WebSocket, data: Buffer) {
        const { type, payload } = JSON.parse(data.toString()).data.message;
        if (type === 'challenge') socket.send(answer(payload));
        else if (type !== 'connect_ack') reject(new Error(data.toString()));
        else {
          socket.off('message', first).off('close', early).off('error', reject);
          // Resets are part of the load; what they cost shows in what is missing.
          socket.on('error', () => undefined);
          socket.on('message', (later: Buffer) => onMessage(later, socket));
          resolve(socket);
        }
      });
      const answer = (challenge: { nonce: string; audience: string | null }) =>
        this.#frame(connectText(this.code, challenge));
    });
  }

  #frame(data: string): string {
    return frame(data, this.sign(data));
  }
}

let said = '';
/** Once per wait, not once per user. */
function onWait(line: string): void {
  if (line !== said) process.stderr.write(`${line}\n`);
  said = line;
}

/** The 32 bytes at the end of a SubjectPublicKeyInfo. */
function rawHex(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
}

const ID = Buffer.from('"id":"');
const SEQ = Buffer.from(',"seq":"');

/** The `id` of a delivered envelope, without parsing it; null if there is none. */
export function idOf(data: Buffer): string | null {
  const start = data.indexOf(ID) + ID.length;
  return start < ID.length ? null : data.toString('latin1', start, data.indexOf('"', start));
}

/** Protocol 2: what confirms this envelope and those before it. */
export function ackFor(data: Buffer): string {
  const seq = data.lastIndexOf(SEQ) + SEQ.length;
  return `{"ack":"${data.toString('latin1', seq, data.length - 2)}"}`;
}
