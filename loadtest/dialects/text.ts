import type { PlainUser } from '../../test/support/plain/users.ts';
import type { Received, Session } from './session.ts';

/** A protocol of short texts around the envelopes. */
export interface TextProtocol {
  /** Sent when the socket is open. */
  readonly hello: (user: PlainUser) => string | null;
  /** To what the server says before it is ready, and to its pings. */
  answer(text: string, user: PlainUser): string | null;
  isReady(text: string): boolean;
  /** Between messages that the server puts into one frame; null: each has its own. */
  readonly separator: string | null;
}

export class TextSession implements Session {
  readonly hello: string | null;
  readonly #protocol: TextProtocol;
  readonly #user: PlainUser;
  #ready = false;

  constructor(protocol: TextProtocol, user: PlainUser) {
    this.hello = protocol.hello(user);
    this.#protocol = protocol;
    this.#user = user;
  }

  receive(data: Buffer): Received {
    // Only short ones can be anything but envelopes.
    if (this.#ready && data.length > 2)
      return { answer: null, messages: [...split(data, this.#protocol.separator)], ready: true };
    const text = data.toString();
    this.#ready ||= this.#protocol.isReady(text);
    return { answer: this.#protocol.answer(text, this.#user), messages: [], ready: this.#ready };
  }
}

function* split(data: Buffer, separator: string | null): Iterable<Buffer> {
  let start = 0;
  if (separator !== null) {
    for (let end = data.indexOf(separator); end !== -1; end = data.indexOf(separator, start)) {
      yield data.subarray(start, end);
      start = end + 1;
    }
  }
  if (start < data.length) yield data.subarray(start);
}
