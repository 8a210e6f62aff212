import { ClientError } from '../../client/errors.ts';
import type { Conversation } from '../../client/index.ts';
import { connectAs } from './account/connect.ts';
import type { Payload } from './files/payload.ts';
import { sendOneFile } from './files/send-file.ts';
import { SendingPaths } from './files/sending-paths.ts';
import type { Person } from './options.ts';
import type { TimeLimit } from './time-limit.ts';

export interface SendTo {
  readonly person: Person;
  /** The recipient's. */
  readonly code: string;
  readonly payload: Payload;
  /** Wait until the other has it. */
  readonly untilDelivered: boolean;
  readonly limit: TimeLimit;
}

/** Sends to a user whose code is known, as the identity of the command line. */
export async function sendTo({ person, code, payload, untilDelivered, limit }: SendTo): Promise<void> {
  limit.restart();
  const { relay, state, done } = await connectAs(person, { signal: limit.signal });
  try {
    const conversation = await relay.startConversation(code, { signal: limit.signal });
    watch(conversation, limit);
    const to = conversation.code;
    const say = (words: object, plain: string) => {
      if (person.json) console.log(JSON.stringify(words));
      else if (process.stderr.isTTY) console.error(plain);
    };
    const { text } = payload;
    if (text !== null && Buffer.byteLength(JSON.stringify(text)) <= conversation.maxBodyBytes) {
      const sending = conversation.send(text);
      await limit.unlessOver(untilDelivered ? sending.delivered : sending.stored);
      say({ to, messages: 1, ids: [await sending] }, untilDelivered ? 'Delivered.' : 'Stored.');
    } else if (text !== null) await payload.asFile('stdin.txt');
    const paths = await SendingPaths.load(state);
    for (const { source, path } of payload.items) {
      const outcome = await sendOneFile({ conversation, source, path, paths, untilDelivered, limit });
      const { name, size, sha256 } = source;
      const { message: id, delivered } = outcome;
      const plain = `${name}: ${delivered ? 'delivered' : 'waits at the relay'}, SHA-256 ${sha256}`;
      say({ to, file: name, size, sha256, id, delivered }, plain);
    }
  } finally {
    await done(limit.signal.aborted);
  }
}

/** Says what keeps it waiting, and ends what will not arrive. */
function watch(conversation: Conversation, limit: TimeLimit): void {
  const { code } = conversation;
  let full = false;
  conversation.on('waiting', ({ why }) => {
    if (why !== 'mailbox_full' || full) return;
    full = true;
    console.error(`The mailbox of ${code} is full, or your share of it: waiting until ${code} fetches.`);
  });
  conversation.on('failed', ({ error }) => limit.abort(error));
  const changed = () =>
    limit.abort(
      new ClientError(
        'key_changed',
        `The relay names another key for ${code}: compare numbers in keyrelay chat ${code}.`,
      ),
    );
  conversation.on('key-changed', changed);
  if (conversation.keyChanged) changed();
}
