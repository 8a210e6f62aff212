import WebSocket from 'ws';
import type { PlainUser } from '../../test/support/plain/users.ts';
import type { Dialect, Received, Session } from './session.ts';

/**
 * NATS with JetStream, as its protocol is documented: lines, and messages with a length, over WebSocket. A mailbox is a
 * subject of one stream, and a durable consumer of its own, which is pulled from; each envelope is confirmed by itself,
 * and each publish is answered when it is stored.
 */

const STREAM = 'mailboxes';
/** What nats.js asks for ahead, and asks anew when so many are left. */
const PULLED_MOST = 100;
const PULLED_LEAST = 75;
const PULL_EXPIRES_NS = 30e9;
const CRLF = Buffer.from('\r\n');
const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1}\r\n';
const REQUEST_TIMEOUT_MS = 5_000;

const SID = { pulled: '1', replies: '2' } as const;

interface Op {
  readonly name: string;
  readonly args: readonly string[];
  /** Of messages: headers, empty if there are none. */
  readonly head: string;
  readonly body: Buffer;
}

export const NATS: Dialect = {
  path: () => '/',
  session: (user) => new MailboxSession(user),
  wrap: (frame, { sender, recipient, id }) =>
    publish(`mailbox.${recipient}`, frame, {
      reply: `_INBOX.${sender}.reply`,
      // By this JetStream knows an envelope that is sent again.
      head: `NATS/1.0\r\nNats-Msg-Id: ${sender}.${id}\r\n\r\n`,
    }),
};

/** Makes the stream of all mailboxes: on files, with one replica; what is confirmed is deleted. */
export function createMailboxes(url: string): Promise<void> {
  return request(url, `$JS.API.STREAM.CREATE.${STREAM}`, {
    name: STREAM,
    subjects: ['mailbox.*'],
    retention: 'workqueue',
    storage: 'file',
    num_replicas: 1,
    max_consumers: -1,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
    discard: 'old',
  });
}

class MailboxSession implements Session {
  readonly hello = null;
  readonly #code: string;
  readonly #ops = new OpReader();
  #ready = false;
  /** Asked for and not received. */
  #pulled = 0;

  constructor({ code }: PlainUser) {
    this.#code = code;
  }

  receive(data: Buffer): Received {
    let answer = '';
    const messages: Buffer[] = [];
    for (const op of this.#ops.read(data)) {
      if (op.name === 'PING') answer += 'PONG\r\n';
      else if (op.name === '-ERR') throw new Error(`NATS: ${op.args.join(' ')}`);
      else if (op.name === 'INFO') answer += this.#ready ? '' : this.#login();
      else if (op.args[1] === SID.replies) {
        if (!this.#ready) this.#confirmLogin(op);
        messages.push(op.body);
      } else if (op.args[1] === SID.pulled) answer += this.#take(op, messages);
    }
    if (this.#ready && this.#pulled <= PULLED_LEAST) answer += this.#pull();
    return { answer: answer === '' ? null : answer, messages, ready: this.#ready };
  }

  #login(): string {
    const subject = `mailbox.${this.#code}`;
    const consumer = {
      stream_name: STREAM,
      config: {
        durable_name: this.#code,
        filter_subject: subject,
        deliver_policy: 'all',
        ack_policy: 'explicit',
        replay_policy: 'instant',
      },
    };
    return [
      CONNECT,
      `SUB _INBOX.${this.#code}.pulled ${SID.pulled}\r\nSUB _INBOX.${this.#code}.reply ${SID.replies}\r\n`,
      publish(`$JS.API.CONSUMER.CREATE.${STREAM}.${this.#code}.${subject}`, JSON.stringify(consumer), {
        reply: `_INBOX.${this.#code}.reply`,
      }),
    ].join('');
  }

  #confirmLogin({ head, body }: Op): void {
    if (head !== '' || body.includes('"error":{')) throw new Error(`NATS, no consumer: ${head} ${body}`);
    this.#ready = true;
  }

  /** An envelope, or what became of a pull. Returns what to answer. */
  #take({ name, args, head, body }: Op, messages: Buffer[]): string {
    const reply = name === 'HMSG' ? args[args.length - 3] : args[args.length - 2];
    if (!reply?.startsWith('$JS.ACK.')) {
      // Without a number the pull was not taken at all: its server does not know of a new consumer yet (503).
      this.#pulled -= Number(/^Nats-Pending-Messages: (\d+)/m.exec(head)?.[1] ?? this.#pulled);
      return '';
    }
    this.#pulled -= 1;
    messages.push(body);
    return publish(reply, '+ACK');
  }

  #pull(): string {
    const batch = PULLED_MOST - this.#pulled;
    this.#pulled = PULLED_MOST;
    const wanted = JSON.stringify({ batch, expires: PULL_EXPIRES_NS });
    const reply = `_INBOX.${this.#code}.pulled`;
    return publish(`$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${this.#code}`, wanted, { reply });
  }
}

/** Takes what the server sends apart, wherever frames end. */
class OpReader {
  #rest: Buffer = Buffer.alloc(0);

  *read(data: Buffer): Iterable<Op> {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let start = 0;
    for (let end = bytes.indexOf(CRLF); end !== -1; end = bytes.indexOf(CRLF, start)) {
      const [name = '', ...args] = bytes.toString('latin1', start, end).split(' ');
      const body = end + CRLF.length;
      if (name !== 'MSG' && name !== 'HMSG') {
        start = body;
        yield { name, args, head: '', body: bytes.subarray(body, body) };
        continue;
      }
      const total = Number(args.at(-1));
      const head = name === 'HMSG' ? Number(args.at(-2)) : 0;
      if (bytes.length < body + total + CRLF.length) break;
      start = body + total + CRLF.length;
      yield {
        name,
        args,
        head: bytes.toString('latin1', body, body + head),
        body: bytes.subarray(body + head, body + total),
      };
    }
    this.#rest = bytes.subarray(start);
  }
}

/** ASCII only: lengths are those of the text. */
function publish(subject: string, body: string, { reply = '', head = '' } = {}): string {
  const to = reply === '' ? subject : `${subject} ${reply}`;
  return head === ''
    ? `PUB ${to} ${body.length}\r\n${body}\r\n`
    : `HPUB ${to} ${head.length} ${head.length + body.length}\r\n${head}${body}\r\n`;
}

/** One call of JetStream's API. */
function request(url: string, subject: string, body: object): Promise<void> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const ops = new OpReader();
  const answered = new Promise<void>((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error(`${subject}: no answer`)), REQUEST_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timeout));
    socket.once('error', reject);
    socket.on('message', (data: Buffer) => {
      for (const op of ops.read(data)) {
        if (op.name === 'INFO')
          socket.send(
            `${CONNECT}SUB _INBOX.setup 1\r\n${publish(subject, JSON.stringify(body), { reply: '_INBOX.setup' })}`,
          );
        if (op.name !== 'MSG' && op.name !== 'HMSG') continue;
        if (op.head === '' && !op.body.includes('"error":{')) resolve();
        else reject(new Error(`${subject}: ${op.head}${op.body}`));
      }
    });
  });
  return answered.finally(() => socket.terminate());
}
