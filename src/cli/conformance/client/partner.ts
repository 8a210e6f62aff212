import { createHash, createHmac, randomBytes } from 'node:crypto';
import { frameOf, idOf, type User } from '../peer.ts';
import { agree, type ExchangePair, hkdf, newExchangePair, open, seal } from './peer-cipher.ts';

/** What everybody can know of the client under test. */
export interface Known {
  readonly code: string;
  readonly eddsaPublicKey: string;
}

interface Session {
  readonly name: string;
  readonly version: 1 | 2;
  /** First chain keys, or by version 1 the keys themselves. */
  readonly sendKey: Buffer;
  readonly receiveKey: Buffer;
  sent: number;
  link: string;
  /** The client is known to have the keys. */
  proven: boolean;
}

/** A message that is not what it says. */
interface Changes {
  readonly counter?: number;
  readonly text?: string;
}

interface Payload {
  readonly ecdh_public_key: string;
  readonly version?: number;
  readonly generation?: number;
  readonly in_reply_to?: string;
  readonly first?: object;
  readonly exchange: string;
  readonly counter: number;
  readonly link: string;
  readonly ciphertext: string;
}

/** An envelope of the client: the bytes that it has signed, and what they say. */
export interface FromClient {
  readonly data: string;
  readonly id: string;
  readonly type: string;
  readonly payload: Payload;
}

const label = (text: string) => Buffer.from(`${text}\0`);
const sha256 = (...parts: readonly Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const step = (chain: Buffer, byte: number) => createHmac('sha256', chain).update(Buffer.of(byte)).digest();

/** The person to whom the client talks: version 2 between the peers, without ML-KEM, and version 1 (docs/protocol.md 6). */
export class Partner {
  readonly user: User;
  readonly #client: () => Known;
  readonly #audience: string;
  readonly #pending = new Map<string, ExchangePair>();
  readonly #sessions: Session[] = [];
  readonly #stream = randomBytes(16).toString('hex');
  #number = 0;
  #ids = 0;
  #generation = 1;
  #atMs = 0;
  /** Bodies of the messages that have come, each once. */
  readonly heard: unknown[] = [];
  readonly #heardIds = new Set<string>();
  /** Plaintexts of the client that are no messages. */
  readonly said: { readonly type: string; readonly id?: string; readonly missing?: readonly number[] }[] = [];
  /** Answers of the client to our requests, by digest of the request. */
  readonly answers: string[] = [];

  constructor(user: User, client: () => Known, audience: string) {
    this.user = user;
    this.#client = client;
    this.#audience = audience;
  }

  /** Of the newest keys. */
  get version(): 1 | 2 | undefined {
    return this.#sessions.findLast(({ proven }) => proven)?.version;
  }

  /** The client has sent `unreadable` for this envelope of ours. */
  calledUnreadable(data: string): boolean {
    return this.said.some(({ type, id }) => type === 'unreadable' && id === idOf(data));
  }

  /** The data of a fresh request. */
  request(publicKey?: string): string {
    const pair = newExchangePair();
    this.#atMs = Math.max(Date.now(), this.#atMs + 1);
    const data = this.data('key_exchange', {
      ecdh_public_key: publicKey ?? pair.publicKey,
      version: 2,
      generation: this.#generation,
      previous: this.#sessions.at(-1)?.version === 2 ? this.#sessions.at(-1)?.name : null,
      audience: this.#audience,
      at: new Date(this.#atMs).toISOString(),
    });
    if (publicKey === undefined) this.#pending.set(digest(data), pair);
    return data;
  }

  /**
   * The data of a message under the newest keys. With `changes` it takes no place in the conversation: what is due afterwards is the
   * same as before. `counter` is what it says instead of the truth, `text` is the whole plaintext.
   */
  message(body: string, changes: Changes | null = null): string {
    const session = this.#sessions.findLast(({ proven }) => proven);
    if (session === undefined) throw new Error('there are no keys yet');
    const at = new Date().toISOString();
    const number = this.#number;
    if (changes === null) this.#number += 1;
    const place = { id: `word-${number}`, stream: this.#stream, number, base: 0 };
    const content = { type: 'message', ...(session.version === 2 ? place : {}), body, at };
    return this.#seal(session, changes?.text ?? JSON.stringify(content), changes);
  }

  /** Takes what the client has sent. Gives the data of what is to be answered. */
  take(envelope: FromClient): readonly string[] {
    if (envelope.type === 'key_exchange') return [this.#answer(envelope)];
    if (envelope.type === 'key_exchange_ack') return this.#agreed(envelope);
    if (envelope.type === 'message') this.#open(envelope);
    return [];
  }

  /** The data of an envelope of ours. */
  data(type: string, payload: object, recipient = this.#client().code): string {
    const id = `p-${this.#ids++}-${randomBytes(4).toString('hex')}`;
    return JSON.stringify({ sender: this.user.code, recipient, id, message: { type, payload } });
  }

  frame(data: string): string {
    return frameOf(this.user, data);
  }

  #answer({ data, payload }: FromClient): string {
    const own = newExchangePair();
    const version = payload.version === undefined ? 1 : 2;
    const generation = Math.max(payload.generation ?? 1, this.#generation);
    const answer = this.data('key_exchange_ack', {
      ecdh_public_key: own.publicKey,
      in_reply_to: digest(data),
      ...(version === 2 ? { version: 2, generation } : {}),
      ...(payload.first === undefined ? {} : { first: 'unreadable' }),
    });
    const asked = { own, theirs: payload.ecdh_public_key, request: digest(data), answer: digest(answer) };
    this.#add(version, 'responder', asked, generation);
    return answer;
  }

  #agreed({ data, payload }: FromClient): readonly string[] {
    const request = payload.in_reply_to ?? '';
    this.answers.push(request);
    const own = this.#pending.get(request);
    if (own === undefined) return [];
    this.#pending.delete(request);
    const version = payload.version === undefined ? 1 : 2;
    const asked = { own, theirs: payload.ecdh_public_key, request, answer: digest(data) };
    const session = this.#add(version, 'initiator', asked, payload.generation ?? 1);
    return [this.#seal(session, JSON.stringify({ type: 'ready' }))];
  }

  #add(
    version: 1 | 2,
    role: 'initiator' | 'responder',
    of: {
      readonly own: ExchangePair;
      readonly theirs: string;
      readonly request: string;
      readonly answer: string;
    },
    generation: number,
  ): Session {
    const [us, them] = [this.user, this.#client()];
    const [first, second] = role === 'initiator' ? [us, them] : [them, us];
    const identities = Buffer.concat([
      Buffer.from(first.code + second.code),
      Buffer.from(first.eddsaPublicKey + second.eddsaPublicKey, 'hex'),
    ]);
    const secret = agree(of.own, of.theirs);
    const [requestKey, answerKey] =
      role === 'initiator' ? [of.own.publicKey, of.theirs] : [of.theirs, of.own.publicKey];
    const name =
      version === 2
        ? sha256(label('keyrelay/exchange/2'), Buffer.from(of.request + of.answer, 'hex'))
        : Buffer.from(of.request, 'hex');
    const [forth, back] =
      version === 2
        ? hkdf(secret, name, Buffer.concat([label('keyrelay/kx/2'), identities]))
        : hkdf(
            secret,
            Buffer.alloc(32),
            Buffer.concat([label('keyrelay/kx/1'), identities, Buffer.from(requestKey + answerKey, 'hex')]),
          );
    const session: Session = {
      name: name.toString('hex'),
      version,
      sendKey: role === 'initiator' ? forth : back,
      receiveKey: role === 'initiator' ? back : forth,
      sent: 0,
      link: name.toString('hex'),
      proven: role === 'initiator',
    };
    this.#generation = generation + 1;
    this.#sessions.push(session);
    return session;
  }

  #seal(session: Session, text: string, changes: Changes | null = null): string {
    const counter = session.sent;
    const bound = this.#bound(session, this.user.code, this.#client().code, counter, session.link);
    const padded = session.version === 2 ? text.padEnd(256) : text;
    const key = session.version === 2 ? messageKey(session.sendKey, counter) : session.sendKey;
    const box = seal(key, padded, bound);
    const payload = {
      exchange: session.name,
      counter: changes?.counter ?? counter,
      ...(session.version === 2 ? { link: session.link } : {}),
      ciphertext: box.toString('base64'),
    };
    // What opens uses up its key, whatever is in it.
    if (changes === null || changes.text !== undefined) {
      session.sent += 1;
      session.link = sha256(label('keyrelay/chain/2'), Buffer.from(session.link, 'hex'), box).toString('hex');
    }
    return this.data('message', payload);
  }

  #open({ id, payload }: FromClient): void {
    const session = this.#sessions.find(({ name }) => name === payload.exchange);
    if (session === undefined) return;
    const { counter, link, ciphertext } = payload;
    const bound = this.#bound(session, this.#client().code, this.user.code, counter, link);
    const key = session.version === 2 ? messageKey(session.receiveKey, counter) : session.receiveKey;
    const text = open(key, Buffer.from(ciphertext, 'base64'), bound);
    if (text === null) return;
    session.proven = true;
    const content = JSON.parse(text.toString()) as { type: string; id?: string; body?: unknown };
    const name = content.id ?? id;
    if (content.type !== 'message') this.said.push(content);
    if (content.type !== 'message' || this.#heardIds.has(name)) return;
    this.#heardIds.add(name);
    this.heard.push(content.body);
  }

  #bound(
    { name, version }: Session,
    sender: string,
    recipient: string,
    counter: number,
    link: string,
  ): Buffer {
    const count = Buffer.alloc(8);
    count.writeBigUInt64BE(BigInt(counter));
    const [codes, exchange] = [Buffer.from(sender + recipient), Buffer.from(name, 'hex')];
    if (version === 1) return Buffer.concat([label('keyrelay/msg/1'), codes, exchange, count]);
    return Buffer.concat([label('keyrelay/msg/2'), codes, exchange, count, Buffer.from(link, 'hex')]);
  }
}

function messageKey(chain: Buffer, counter: number): Buffer {
  let key = chain;
  for (let done = 0; done < counter; done += 1) key = step(key, 2);
  return step(key, 1);
}

function digest(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}
